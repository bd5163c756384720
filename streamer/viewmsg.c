#include "streamer/viewmsg.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "streamer/jsonread.h"
#include "streamer/jsontext.h"

#define NAME_MAX_BYTES   128 /* of a text of ours within a message, escaped */
#define REASON_MAX_BYTES 600

static uint8_t *put_be(uint8_t *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
	return out + bytes;
}

void viewmsg_write_header(uint8_t out[static VIEWMSG_HEADER_BYTES],
			  const struct viewmsg_header *header)
{
	uint8_t *p = out;

	p = put_be(p, VIEWMSG_VERSION, 1);
	p = put_be(p, header->flags, 1);
	p = put_be(p, 0, 2);
	p = put_be(p, header->seq, 4);
	p = put_be(p, (uint64_t)header->capture_us, 8);
	put_be(p, (uint64_t)header->publish_us, 8);
}

static const char *bool_word(bool value)
{
	return value ? "true" : "false";
}

/* Thousandths as the shortest number: 30, 29.97, 12.5; null for 0. */
static void put_fps(struct jsontext *j, unsigned fps_milli)
{
	unsigned whole = fps_milli / 1000, part = fps_milli % 1000, digits = 3;

	if (fps_milli == 0) {
		jsontext_put(j, "null");
		return;
	}
	jsontext_put(j, "%u", whole);
	if (part == 0)
		return;
	for (; part % 10 == 0; part /= 10)
		digits--;
	jsontext_put(j, ".%0*u", (int)digits, part);
}

static void put_format(struct jsontext *j, const struct au_format *f)
{
	if (f == NULL) {
		jsontext_put(j, "\"codec\":null,\"width\":null,\"height\":null,\"crop\":null,"
				"\"coded_width\":null,\"coded_height\":null,\"fps\":null,"
				"\"broadway\":null");
		return;
	}
	jsontext_put(j, "\"codec\":");
	if (f->codec[0] == '\0')
		jsontext_put(j, "null");
	else
		jsontext_string(j, f->codec, NAME_MAX_BYTES);
	jsontext_put(j, ",\"width\":%u,\"height\":%u", f->width, f->height);
	jsontext_put(j, ",\"crop\":{\"left\":%u,\"top\":%u,\"width\":%u,\"height\":%u}",
		     f->crop_left, f->crop_top, f->width, f->height);
	jsontext_put(j, ",\"coded_width\":%u,\"coded_height\":%u,\"fps\":", f->coded_width,
		     f->coded_height);
	put_fps(j, f->fps_milli);
	jsontext_put(j, ",\"broadway\":%s", bool_word(f->broadway));
}

/* What is written here always fits VIEWMSG_OUT_MAX; the caller has seen to that much room. */
static size_t finish(struct jsontext *j)
{
	jsontext_put(j, "}");
	assert(!j->full && j->len <= VIEWMSG_OUT_MAX);
	return j->len;
}

size_t viewmsg_write_hello(char *out, size_t size, const struct viewmsg_hello *hello)
{
	struct jsontext j;

	jsontext_init(&j, out, size);
	jsontext_put(&j, "{\"type\":\"hello\",");
	put_format(&j, hello->format);
	jsontext_put(&j, ",\"live_seq\":%" PRIu32 ",\"server\":", hello->live_seq);
	jsontext_string(&j, hello->server, NAME_MAX_BYTES);
	jsontext_put(&j, ",\"camera\":");
	jsontext_string(&j, hello->camera, NAME_MAX_BYTES);
	jsontext_put(&j, ",\"running\":%s,\"ack_ms\":%u", bool_word(hello->running), hello->ack_ms);
	return finish(&j);
}

size_t viewmsg_write_format(char *out, size_t size, const struct au_format *format)
{
	struct jsontext j;

	jsontext_init(&j, out, size);
	jsontext_put(&j, "{\"type\":\"format\",");
	put_format(&j, format);
	return finish(&j);
}

/* RFC 3339 in UTC with milliseconds: "2026-11-22T12:01:18.042Z". */
static void put_time(struct jsontext *j, int64_t time_us)
{
	int64_t ms = time_us / 1000 - (time_us % 1000 < 0);
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	struct tm utc = {.tm_mday = 1};
	char text[40];

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	jsontext_put(j, "\"%s.%03dZ\"", text, (int)((ms % 1000 + 1000) % 1000));
}

size_t viewmsg_write_source(char *out, size_t size, bool online, const char *reason,
			    int64_t since_us)
{
	struct jsontext j;

	jsontext_init(&j, out, size);
	jsontext_put(&j, "{\"type\":\"source\",\"online\":%s,\"reason\":", bool_word(online));
	if (reason[0] == '\0')
		jsontext_put(&j, "null");
	else
		jsontext_string(&j, reason, REASON_MAX_BYTES);
	jsontext_put(&j, ",\"since\":");
	put_time(&j, since_us);
	return finish(&j);
}

size_t viewmsg_write_stream(char *out, size_t size, bool running)
{
	struct jsontext j;

	jsontext_init(&j, out, size);
	jsontext_put(&j, "{\"type\":\"stream\",\"running\":%s", bool_word(running));
	return finish(&j);
}

size_t viewmsg_write_time(char *out, size_t size, int64_t t0_us, int64_t t1_us, int64_t t2_us)
{
	struct jsontext j;

	jsontext_init(&j, out, size);
	jsontext_put(&j, "{\"type\":\"time\",\"t0\":%" PRId64 ",\"t1\":%" PRId64 ",\"t2\":%" PRId64,
		     t0_us, t1_us, t2_us);
	return finish(&j);
}

size_t viewmsg_write_bye(char *out, size_t size, const char *reason)
{
	struct jsontext j;

	jsontext_init(&j, out, size);
	jsontext_put(&j, "{\"type\":\"bye\",\"reason\":");
	jsontext_string(&j, reason, REASON_MAX_BYTES);
	return finish(&j);
}

/* ---- reading ---- */

static const struct {
	const char *word;
	enum viewmsg_type type;
} types[] = {
	{"ack", VIEWMSG_ACK},       {"time", VIEWMSG_TIME},         {"pause", VIEWMSG_PAUSE},
	{"resume", VIEWMSG_RESUME}, {"keyframe", VIEWMSG_KEYFRAME},
};

/* The members that matter to one type or other; which of them do is known only at the end. */
struct members {
	struct jsonread_member type, seq, shown, queue, latency_ms, decoder, t0;
};

static void sort_in(struct members *all, const struct jsonread_member *m)
{
	static const struct {
		const char *key;
		size_t offset;
	} slots[] = {
		{"seq", offsetof(struct members, seq)},
		{"type", offsetof(struct members, type)},
		{"shown", offsetof(struct members, shown)},
		{"queue", offsetof(struct members, queue)},
		{"latency_ms", offsetof(struct members, latency_ms)},
		{"decoder", offsetof(struct members, decoder)},
		{"t0", offsetof(struct members, t0)},
	};

	/* The first letter first: this is done for every member of every acknowledgement. */
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		if (m->key[0] == slots[i].key[0] && strcmp(m->key, slots[i].key) == 0)
			memcpy((char *)all + slots[i].offset, m, sizeof(*m));
}

/* Left as it is where the member is absent or null. */
static bool read_u32(const struct jsonread_member *m, uint32_t *value)
{
	if (m->kind == JSONREAD_NULL)
		return true;
	if (m->kind != JSONREAD_NUMBER || !m->is_integer || m->integer < 0 ||
	    m->integer > UINT32_MAX)
		return false;
	*value = (uint32_t)m->integer;
	return true;
}

/* For lists and logs: nothing but letters, digits and hyphens gets there from outside. */
static void read_word(const struct jsonread_member *m, char word[static VIEWMSG_WORD_SIZE])
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";

	if (m->kind != JSONREAD_STRING)
		return;
	size_t len = strlen(m->text);
	if (len < VIEWMSG_WORD_SIZE && strspn(m->text, allowed) == len)
		memcpy(word, m->text, len + 1);
}

static int fail(const char *why, const char **ret_why)
{
	*ret_why = why;
	return -EINVAL;
}

static int read_ack(const struct members *all, struct viewmsg_in *in, const char **ret_why)
{
	uint32_t queue = 0;

	if (all->seq.kind == JSONREAD_NULL || !read_u32(&all->seq, &in->seq))
		return fail("ack: seq is not a number from 0 to 4294967295", ret_why);
	in->shown = in->seq;
	if (!read_u32(&all->shown, &in->shown))
		return fail("ack: shown is not a number from 0 to 4294967295", ret_why);
	if (!read_u32(&all->queue, &queue))
		return fail("ack: queue is not a number from 0 to 4294967295", ret_why);
	in->queue = queue;
	if (all->decoder.kind != JSONREAD_NULL && all->decoder.kind != JSONREAD_STRING)
		return fail("ack: decoder is not a string", ret_why);
	read_word(&all->decoder, in->decoder);
	if (all->latency_ms.kind == JSONREAD_NULL)
		return 0;
	if (all->latency_ms.kind != JSONREAD_NUMBER || !isfinite(all->latency_ms.number))
		return fail("ack: latency_ms is not a number", ret_why);
	in->latency_ms = all->latency_ms.number;
	return 0;
}

static int read_members(const struct members *all, struct viewmsg_in *in, const char **ret_why)
{
	if (all->type.kind == JSONREAD_NULL)
		return 0;
	if (all->type.kind != JSONREAD_STRING)
		return fail("type is not a string", ret_why);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(all->type.text, types[i].word) == 0)
			in->type = types[i].type;
	if (in->type == VIEWMSG_ACK)
		return read_ack(all, in, ret_why);
	if (in->type == VIEWMSG_TIME) {
		if (all->t0.kind != JSONREAD_NUMBER || !all->t0.is_integer)
			return fail("time: t0 is not an integer", ret_why);
		in->t0_us = all->t0.integer;
	}
	return 0;
}

int viewmsg_read(const char *text, size_t size, struct viewmsg_in *ret_in, const char **ret_why)
{
	const struct jsonread_member absent = {.kind = JSONREAD_NULL};
	struct members all = {absent, absent, absent, absent, absent, absent, absent};
	struct viewmsg_in in = {.type = VIEWMSG_UNKNOWN, .latency_ms = -1};
	struct jsonread_member m;
	struct jsonread j;
	int r;

	jsonread_init(&j, text, size);
	while ((r = jsonread_next(&j, &m, ret_why)) > 0)
		sort_in(&all, &m);
	if (r == 0)
		r = read_members(&all, &in, ret_why);
	if (r == 0)
		*ret_in = in;
	return r;
}
