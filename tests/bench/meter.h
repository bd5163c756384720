/* meter: what another process has used, from /proc: the server under load. Any thread. */
#ifndef TESTS_BENCH_METER_H
#define TESTS_BENCH_METER_H

#include <stdint.h>

struct meter_cpu { /* ns on a CPU since it began, as of its newest switch or tick */
	uint64_t all_ns;
	uint64_t main_ns; /* of its first thread alone: nalcastd's loop */
};

/* -errno: there is no such process, or it is another user's. */
int meter_cpu(int pid, struct meter_cpu *ret_cpu);

/* Bytes of its own memory: anonymous pages that are there. */
int meter_memory(int pid, uint64_t *ret_bytes);

#endif
