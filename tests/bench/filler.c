/* A live H.264 stream of exact sizes on standard output, so that no encoder is in nalcastd's way:
 * filler BYTES FPS [GOP]. For `filler 8000 30 | nalcastd --source=file:-`.
 *
 * Every access unit is BYTES long as nalcastd sends it, IDRs with their parameter sets, too. It
 * begins (after those) with an SEI of unregistered user data that holds the stamp, and is padded
 * inside its one slice: filler NAL units (type 12) would be left out by nalcastd's splitter. An
 * access unit delimiter follows at once, which is not sent but tells nalcastd that the access unit
 * is whole, so that it need not wait for the next. Nothing here can be decoded. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/au.h"
#include "streamer/bits.h"
#include "streamer/nal.h"
#include "tests/bench/stamp.h"

#define FPS_MAX     240
#define GOP_DEFAULT 15
#define BYTES_MIN   200 /* room for everything but padding */
#define PADDING     0xa5
#define NAL_MAX     64 /* bytes of what is written bit by bit */

struct unit { /* an access unit and the delimiter behind it */
	uint8_t *bytes;
	size_t size;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "filler: %s\n", what);
	exit(1);
}

static void append(struct unit *unit, const void *data, size_t size)
{
	memcpy(unit->bytes + unit->size, data, size);
	unit->size += size;
}

static void append_nal(struct unit *unit, uint8_t header, const void *payload, size_t size)
{
	static const uint8_t start_code[NAL_START_CODE_BYTES] = {0, 0, 0, 1};

	append(unit, start_code, sizeof(start_code));
	append(unit, &header, 1);
	append(unit, payload, size);
}

/* 1280x720 Baseline, one reference picture, POC type 2: nothing that nalcastd would rewrite. */
static void append_sets(struct unit *unit)
{
	uint8_t nal[NAL_MAX];
	struct bits_out o;

	bits_out_init(&o, nal, sizeof(nal));
	bits_put_u(&o, 66, 8);
	bits_put_u(&o, 0xc0, 8);
	bits_put_u(&o, 40, 8);
	bits_put_ue(&o, 0); /* id */
	bits_put_ue(&o, 0); /* log2_max_frame_num_minus4 */
	bits_put_ue(&o, 2); /* POC type */
	bits_put_ue(&o, 1); /* reference pictures */
	bits_put_u(&o, 0, 1);
	bits_put_ue(&o, 79);
	bits_put_ue(&o, 44);
	bits_put_u(&o, 0xc, 4); /* frames only, direct 8x8, no crop, no VUI */
	append_nal(unit, 0x67, nal, bits_put_end(&o));

	bits_out_init(&o, nal, sizeof(nal));
	bits_put_ue(&o, 0);     /* id */
	bits_put_ue(&o, 0);     /* SPS */
	bits_put_u(&o, 0, 2);   /* CAVLC, no more POC */
	bits_put_ue(&o, 0);     /* one slice group */
	bits_put_u(&o, 0x3, 2); /* one reference picture */
	bits_put_u(&o, 0, 3);   /* no weights */
	bits_put_u(&o, 0x7, 3); /* three offsets of 0 */
	bits_put_u(&o, 0, 3);
	append_nal(unit, 0x68, nal, bits_put_end(&o));
}

/* H.264 D.1.7: 5, the size, a UUID, anything; then the stop bit. */
static void append_stamp(struct unit *unit, uint32_t count)
{
	uint8_t sei[2 + STAMP_BYTES + 1] = {5, STAMP_BYTES};

	stamp_write(sei + 2, count);
	sei[sizeof(sei) - 1] = 0x80;
	append_nal(unit, 0x06, sei, sizeof(sei));
}

/* A slice header (7.3.3) and padding up to so many bytes of the access unit. */
static void append_slice(struct unit *unit, unsigned frame, unsigned idr, size_t until)
{
	uint8_t nal[NAL_MAX];
	struct bits_out o;

	bits_out_init(&o, nal, sizeof(nal));
	bits_put_ue(&o, 0);                  /* first_mb_in_slice */
	bits_put_ue(&o, frame == 0 ? 7 : 5); /* all I, all P */
	bits_put_ue(&o, 0);                  /* PPS */
	bits_put_u(&o, frame % 16, 4);
	if (frame == 0)
		bits_put_ue(&o, idr % 2); /* idr_pic_id: neighbours differ */
	bits_put_u(&o, 0, 3);             /* reference lists and marking as usual */
	append_nal(unit, frame == 0 ? 0x65 : 0x41, nal, bits_put_end(&o));
	memset(unit->bytes + unit->size, PADDING, until - unit->size);
	unit->size = until;
}

static void make_unit(struct unit *unit, uint32_t count, unsigned gop, size_t size)
{
	static const uint8_t delimiter[] = {0xf0};

	unit->size = 0;
	if (count % gop == 0)
		append_sets(unit);
	append_stamp(unit, count);
	append_slice(unit, count % gop, count / gop, size);
	append_nal(unit, 0x09, delimiter, sizeof(delimiter));
}

/* false: nobody reads any more. */
static bool write_all(const struct unit *unit)
{
	size_t done = 0;

	while (done < unit->size) {
		ssize_t part = write(STDOUT_FILENO, unit->bytes + done, unit->size - done);
		if (part < 0 && errno != EINTR)
			return false;
		done += part > 0 ? (size_t)part : 0;
	}
	return true;
}

static void wait_until(int64_t time_us)
{
	struct timespec until = {time_us / 1000000, time_us % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

int main(int argc, char **argv)
{
	uint64_t bytes, fps, gop = GOP_DEFAULT;

	if (argc < 3 || parse_unsigned(argv[1], BYTES_MIN, AU_MAX_BYTES, &bytes) < 0 ||
	    parse_unsigned(argv[2], 1, FPS_MAX, &fps) < 0 ||
	    (argc > 3 && parse_unsigned(argv[3], 1, 10000, &gop) < 0))
		fail("usage: filler BYTES FPS [GOP]");
	struct unit unit = {.bytes = malloc(bytes + NAL_MAX)};
	if (unit.bytes == NULL)
		fail("out of memory");
	int64_t begin_us = stamp_now_us();
	for (uint32_t count = 0;; count++) {
		wait_until(begin_us + count * INT64_C(1000000) / (int64_t)fps);
		make_unit(&unit, count, (unsigned)gop, bytes);
		if (!write_all(&unit))
			break;
	}
	free(unit.bytes);
	return 0;
}
