/* fuzz: what a target defines (for libFuzzer or replay.c). */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

extern const char fuzz_name[]; /* the folder under corpus/ */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
