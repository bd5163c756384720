/* machine: what it is, and what of it cameras and encoders need: their device files, memory for
 * buffers without gaps (CMA), open files. And what to say of that, for GET diagnostics and nalcastd
 * --doctor alike. Any thread. */
#ifndef STREAMER_MACHINE_H
#define STREAMER_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "streamer/account.h"
#include "streamer/conf.h"
#include "streamer/finding.h"

#define MACHINE_NODES_MAX 48

struct machine_roots { /* where the system's folders are: elsewhere in a test */
	const char *proc, *dev, *etc;
	const char *units; /* of systemd, as packages bring them */
};

extern const struct machine_roots machine_roots;

struct machine_node { /* a device file */
	char path[96];
	bool of_buffers; /* gives memory, not pictures */
};

struct machine {
	char kernel[80]; /* "6.1.0-28-arm64" */
	char model[80];  /* "Raspberry Pi 4 Model B Rev 1.4"; "": it does not say */
	bool has_cma;
	uint64_t cma_bytes, cma_free_bytes;
	uint64_t files_max;                           /* that may be open at a time */
	unsigned node_count;                          /* by path */
	struct machine_node nodes[MACHINE_NODES_MAX]; /* video, media, dma_heap, udmabuf */
};

void machine_look(const struct machine_roots *roots, struct machine *ret_machine);

/* Each fills in what it finds, which is a PASS at first. false: there is nothing to say here. */

/* May account use the cameras' device files, and those that give memory for pictures? */
bool machine_check_groups(const struct machine *machine, const struct conf *conf,
			  const struct account *account, struct finding *finding);
bool machine_check_memory(const struct machine *machine, const struct conf *conf,
			  struct finding *finding);
bool machine_check_files(const struct machine *machine, const struct conf *conf,
			 struct finding *finding);

#endif
