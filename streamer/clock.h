/* clock: the two times there are. Any thread.
 *
 * Inside, everything is CLOCK_MONOTONIC in microseconds. What leaves the program (message
 * headers, time messages, the test pattern) is that plus an offset to the Unix epoch taken once,
 * at start: it reads like wall time and never steps (protocol.md section 2). */
#ifndef STREAMER_CLOCK_H
#define STREAMER_CLOCK_H

#include <stdint.h>

int64_t clock_now_us(void);                  /* CLOCK_MONOTONIC */
int64_t clock_wire_us(int64_t monotonic_us); /* the same moment, as viewers are told */

/* Takes the offset. Before the first thread starts; without it the first use takes it. */
void clock_init(void);

#endif
