/* doctor: nalcastd --doctor: what is there, what is wrong with it, and how to mend it, for people.
 * It starts no stream and disturbs none: a nalcastd that runs is asked for its diagnostics, for
 * everything else files are looked at and cameras opened for a moment, as GET sources does.
 *
 * Looking (doctor_look.c), judging (doctor_checks.c) and printing (doctor_print.c) are apart. One
 * thread, before any other. */
#ifndef STREAMER_DOCTOR_H
#define STREAMER_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "common/error.h"
#include "streamer/account.h"
#include "streamer/conf.h"
#include "streamer/ctlask.h"
#include "streamer/diagnostics.h"
#include "streamer/machine.h"
#include "streamer/premises.h"
#include "streamer/source.h"
#include "streamer/stream.h"
#include "streamer/v4l2look.h"

#define DOCTOR_ENCODERS_MAX 8

struct doctor_program { /* another one, and what it says of itself */
	char words[512];
	struct error error; /* code 0: it was run */
};

struct doctor_running { /* the nalcastd at the control socket */
	bool answers;
	struct ctlask_peer peer; /* who is there; pid 0: nobody */
	struct error silence;    /* why it does not answer */
	char name[33];           /* its camera's */
	char version[32];
	char backend[16];    /* of its source; "": it chose none yet */
	json_t *diagnostics; /* owned */
};

struct doctor_facts {
	struct conf conf;       /* in effect: file, command line, and what the API changed */
	struct account account; /* for whom all is judged */
	struct error no_user;   /* why not for nalcastd's user; code 0: it is */
	struct error stored;    /* why what the API changed is not known; code 0: it is */
	struct doctor_running running;
	struct premises premises;
	struct stream_status status; /* as far as there is one without a stream */
	struct diagnostics_facts shared;
	char libraries[256]; /* "libx264 164, ..." */
	struct doctor_program nginx, capture;
	struct error survey; /* why cameras were not looked for; code 0: they were */
	unsigned camera_count;
	struct source_info *cameras; /* owned */
	struct error no_hardware;    /* why there is no encoder in hardware; code 0: there is */
	unsigned encoder_count;
	struct v4l2look_encoder encoders[DOCTOR_ENCODERS_MAX];
};

/* file: as file and command line say it. */
void doctor_look(const struct conf *file, const struct machine_roots *roots,
		 struct doctor_facts *ret_facts);
void doctor_clear(struct doctor_facts *facts);

/* As diagnostics_run(), and more of the same. */
json_t *doctor_check(const struct doctor_facts *facts);

void doctor_print(const struct doctor_facts *facts, const json_t *findings, bool colours,
		  FILE *out);

/* All of it, to standard output; as_json: the findings only. Returns the exit status: 0, or 1 where
 * something is to be mended. */
int doctor(const struct conf *conf, bool as_json);

#endif
