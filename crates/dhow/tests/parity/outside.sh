#!/bin/sh
# mkdir, chmod and chown on a stub server: what a configuration calls the user's home is the home directory, other
# absolute paths lie below $STUB_ROOT, and owners are not changed, which only root could do.
program=${0##*/}
[ "$program" = chown ] && exit
for word; do
  shift
  case $word in
    "$HOME"/*) ;;
    "$STUB_USER_HOME"/*) word=$HOME/${word#"$STUB_USER_HOME"/} ;;
    /*) word=$STUB_ROOT$word ;;
  esac
  set -- "$@" "$word"
done
PATH=$STUB_PATH exec "$program" "$@"
