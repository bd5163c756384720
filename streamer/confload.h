/* confload: nalcastd's settings, from where a process gets them: the command line, the file that it
 * names, and the folders of the system. Once, at start, main thread. */
#ifndef STREAMER_CONFLOAD_H
#define STREAMER_CONFLOAD_H

#include "common/error.h"
#include "streamer/conf.h"

enum conf_action {
	CONF_RUN,
	CONF_EXIT,        /* --help or --version: done */
	CONF_DOCTOR,      /* --doctor: see doctor.h */
	CONF_DOCTOR_JSON, /* --doctor=json */
};

/* All of it: the command line names the file, the file is read, the command line wins. Then the
 * paths that follow from the name are filled in. */
int conf_load(struct conf *conf, char **argv, enum conf_action *ret_action, struct error *err);

#endif
