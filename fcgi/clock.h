/* clock: the time that deadlines are made of. Any thread. */
#ifndef FCGI_CLOCK_H
#define FCGI_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void); /* CLOCK_MONOTONIC */

#endif
