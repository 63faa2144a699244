#!/bin/sh
# guard.sh CONFIG: runs Dovecot until standard input ends, so that it never outlives the test that started it,
# however that test ends.
PATH="$PATH:/usr/sbin:/sbin"
exec 3<&0
dovecot -F -c "$1" </dev/null &
pid=$!
( cat <&3 >/dev/null; kill "$pid" 2>/dev/null ) &
wait "$pid"
