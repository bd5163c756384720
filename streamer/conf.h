/* conf: nalcastd's settings (protocol.md section 6): names, ranges, defaults, and the file's form.
 * What file and command line say is read once, at start, by the main thread (confload.h) and const
 * from then on; what is in effect is settings' (settings.h).
 * (Not config.h: that name is autoconf's.) */
#ifndef STREAMER_CONF_H
#define STREAMER_CONF_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/log.h"

#define CONF_PATH_MAX   108 /* sun_path */
#define CONF_WIDTH_MIN  160 /* pixels */
#define CONF_WIDTH_MAX  4096
#define CONF_HEIGHT_MIN 120
#define CONF_HEIGHT_MAX 2304
#define CONF_FPS_MAX    240

/* The numbers of protocol.md section 2 that most owners never touch. */
struct conf_limits {
	unsigned
		join_age_max_ms; /* a viewer joins at an IDR in the ring that is at most this old */
	unsigned join_bytes_max; /* and that is followed by at most this much */
	unsigned idr_join_interval_ms; /* between IDRs asked for by those who join */
	unsigned idr_recover_interval_ms;
	unsigned ring_bytes_max;
	unsigned pinned_bytes_max; /* access units that stalled viewers are in the middle of */
	unsigned handshake_timeout_s;
	unsigned ack_interval_ms; /* from one acknowledgement of a page to the next */
	unsigned ping_interval_s;
	unsigned pong_timeout_s;
	unsigned progress_timeout_s; /* something is under way, and nothing of it arrives */
	unsigned texts_heard_max;    /* a second: above, they are ignored */
	unsigned texts_max;          /* a second: above, the connection is closed */
};

struct conf {
	char config[256]; /* the file; "" for the camera's own, which need not exist */
	char name[33];    /* of the camera: "main" */
	char source[16];  /* "auto", "test", "file", ... */
	char source_device[256];
	char encoder[16];         /* "auto", "x264", ... */
	unsigned encoder_threads; /* of x264; 0: by the machine's cores */
	char encoder_preset[16];  /* of x264; "auto" */
	bool any_profile;
	unsigned width, height; /* pixels */
	unsigned fps_milli;     /* thousandths of a frame per second */
	bool fps_given;         /* by file or command line: wins over a recorded file's own rate */
	unsigned bitrate_bps;
	unsigned gop_frames;
	bool adaptive; /* the bitrate follows the viewers' links */

	char stream_socket[CONF_PATH_MAX]; /* "": RUNSTATEDIR/nalcast/NAME/stream.sock */
	char control_socket[CONF_PATH_MAX];
	mode_t socket_mode;
	char socket_group[64]; /* of the stream socket; "": the process's own */
	unsigned viewers_max;
	unsigned viewer_lag_max_ms;
	bool on_demand;
	unsigned idle_stop_s; /* close the camera this long after the last viewer */
	struct conf_limits limits;
	char allow_origin[1024];
	char state_dir[256]; /* "": LOCALSTATEDIR/lib/nalcast/NAME */
	char test_fault[16]; /* the test source begins with it */
	enum log_level log_level;
};

void conf_defaults(struct conf *conf);

/* Read `name = value` lines (INI). err says "FILE:LINE: ..."; conf is as it was then. */
int conf_read(struct conf *conf, FILE *file, const char *file_name, struct error *err);

/* One setting by name, as file and command line give it: "bitrate-bps", "2M". In the file "_" may
 * stand for "-". -ENOENT: no such setting. -EINVAL: the error names setting, value and fix. */
int conf_set(struct conf *conf, const char *name, const char *value, struct error *err);

/* How --help shows the value of a setting, as in "N"; NULL: there is no such setting. */
const char *conf_option(const char *name, bool *ret_command_line_only);

/* For --help, and for the lint test that compares it with the man page and the completion. */
void conf_print_help(FILE *out);

#endif
