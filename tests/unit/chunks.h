/* chunks: ways to cut a run of bytes into pieces, for the tests of everything that reads bytes as
 * they come: whole, byte by byte, in two at every offset, at random. */
#ifndef TESTS_UNIT_CHUNKS_H
#define TESTS_UNIT_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

struct chunks {
	size_t size;   /* of all */
	size_t pos;    /* the next piece begins here */
	size_t every;  /* largest piece; 0: no limit */
	size_t at;     /* one cut is here; 0: none */
	uint32_t seed; /* pieces of random size up to every; 0: not */
};

/* Size of the piece that begins at c->pos, 0 at the end; the caller then adds it to c->pos. */
static inline size_t chunks_next(struct chunks *c)
{
	size_t left = (c->pos < c->at ? c->at : c->size) - c->pos;
	size_t most = c->every;

	if (c->seed != 0) {
		c->seed ^= c->seed << 13; /* Marsaglia's xorshift: never 0 again */
		c->seed ^= c->seed >> 17;
		c->seed ^= c->seed << 5;
		most = 1 + c->seed % c->every;
	}
	return most > 0 && most < left ? most : left;
}

#define CHUNKS_RANDOM_RUNS 20

/* Call check() for every way. every_split: in two at each offset too (quadratic). */
static inline void chunks_try(size_t size, int every_split, void *ctx,
			      void (*check)(void *ctx, struct chunks *c))
{
	check(ctx, &(struct chunks){.size = size});
	check(ctx, &(struct chunks){.size = size, .every = 1});
	for (size_t at = 1; every_split && at < size; at++)
		check(ctx, &(struct chunks){.size = size, .at = at});
	for (uint32_t run = 1; run <= CHUNKS_RANDOM_RUNS; run++)
		check(ctx, &(struct chunks){.size = size,
					    .every = 1 + size / run,
					    .seed = run * 2654435761u});
}

#endif
