#!/bin/sh
# guard.sh FOLDER: runs Postfix until standard input ends, so that it never outlives the test that started it, however
# that test ends.
PATH="$PATH:/usr/sbin:/sbin"
postfix -c "$1" start || exit 1
cat >/dev/null
postfix -c "$1" abort
