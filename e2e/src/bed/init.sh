# The first process of a host, PID 1 of its own process namespace: when it dies, the kernel ends all the rest.
# arguments: KIND DIRECTORY NAME CONTROL_GROUP ARGUMENT_OF_THE_KIND
set -eu
kind=$1 directory=$2 name=$3 control_group=$4 argument=$5

hostname "$name"
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir /run/sshd /run/lock /run/etc /run/etc.work /run/bin /run/bin.work
mount -t tmpfs -o mode=1777 tmpfs /tmp
# What the machine has beyond Debian's packages (a newer docker, for one) is not there on a fresh server.
mount -t tmpfs tmpfs /usr/local
mkdir /usr/local/bin
mount --bind "$directory/programs" /usr/local/bin
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc.work overlay /etc
mount --bind "$directory/home" /root

# Nobody to ask for names: a look-up fails at once instead of after its time limit.
rm -f /etc/resolv.conf
: >/etc/resolv.conf
# sshd lets nobody into a locked account, which root's is on some machines.
sed -i 's/^root:[^:]*/root:*/' /etc/shadow
mkdir -p /etc/docker
cp "$directory/daemon.json" /etc/docker/daemon.json

case $kind in
  workstation) docker-registry serve "$argument" & ;;
  without-docker)
    mount -t overlay -o lowerdir=/usr/bin,upperdir=/run/bin,workdir=/run/bin.work overlay /usr/bin
    rm /usr/bin/docker
    ;;
  small-disk) mount -t tmpfs -o "size=${argument}m" tmpfs "$directory/docker" ;;
esac

[ "$kind" = workstation ] || /usr/sbin/sshd -f "$directory/sshd_config"
[ "$kind" = without-docker ] ||
  dockerd --data-root "$directory/docker" --exec-root /run/docker-exec --cgroup-parent "/$control_group" &

# A shell that waits also buries orphans, which is PID 1's duty.
while :; do
  sleep 1000 &
  wait $!
done
