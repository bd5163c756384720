#!/bin/sh
# Runs a unit test. cmocka before 1.1.6 (Debian 12 has 1.1.5) writes a skipped test as "not ok",
# which TAP counts as failed: to be removed with Debian 12.
output=$("$@")
status=$?
printf '%s\n' "$output" | sed 's/^not \(ok [0-9]* # SKIP\)/\1/'
exit $status
