#!/bin/sh
# Docker on a stub server: writes down what it is asked for, and answers as far as a first deploy looks.
# $STUB is the directory it keeps its state in; anything it does not know is an error, so that nothing is missed.
PATH=$STUB_PATH
printf '%s\0' "$#" "$@" >> "$STUB/calls"

id_of() { cat "$STUB/containers/$1" 2> /dev/null; }

# The value of an option among the words that follow.
option() {
  wanted=$1; shift
  while [ $# -gt 1 ]; do
    [ "$1" = "$wanted" ] && { printf '%s\n' "$2"; return; }
    shift
  done
}

run() {
  name=$(option --name "$@")
  [ ! -e "$STUB/containers/$name" ] || { echo "the name $name is in use" >&2; exit 125; }
  env_file=$(option --env-file "$@")
  if [ -n "$env_file" ]; then
    mkdir -p "$STUB/env_files/${env_file%/*}" && cp -p "$env_file" "$STUB/env_files/$env_file" || exit 125
  fi
  printf '%012x\n' "$(printf %s "$name" | cksum | cut -d ' ' -f 1)" > "$STUB/containers/$name"
  id_of "$name"
}

# name=^NAME$ of --filter, with --quiet.
find_container() {
  name=$(option --filter "$@")
  name=${name#name=^}
  id_of "${name%\$}" || true
}

# Three files of assets, whatever directory of the image is asked for.
copy_assets() {
  for file in app-FINGERPRINT.css app-FINGERPRINT.js manifest.json; do
    echo "$file of $(cat "$STUB/created")" > "$1/$file" || exit 1
  done
}

case "$*" in
  "version "*) echo 28.3.0 ;;
  "run "*) run "$@" ;;
  "exec kamal-proxy kamal-proxy deploy "* | "exec kamal-proxy kamal-proxy list") id_of kamal-proxy > /dev/null ;;
  "container ls --all --filter name="* | "container ls --filter name="*) find_container "$@" ;;
  "inspect --format {{if .State.Health}}"*) echo running ;;
  "container inspect "*) id_of "$3" ;;
  "inspect kamal-proxy --format "*) id_of kamal-proxy > /dev/null && echo "@proxy true $STUB_PROXY_IMAGE" ;;
  "image inspect --format {{.Config.Labels.service}} "*) echo "$STUB_SERVICE" ;;
  "container create --name "*) shift 4; echo "$1" > "$STUB/created" ;;
  "container cp -L "*) copy_assets "$5" ;;
  "login "* | load) cat > /dev/null ;;
  "network inspect "*) [ -e "$STUB/network" ] ;;
  "network create "*) : > "$STUB/network" ;;
  # Nothing but what the deploy itself brings is there.
  "ps "* | "image ls "* | "container ls --all --format "*) ;;
  "pull "* | "tag "* | "image inspect "* | "image rm "* | "image prune "* | "container rm "*) ;;
  *) echo "docker $*: not expected by the stub server" >&2; exit 64 ;;
esac
