/* What encoding the test source's pictures costs beside the x264 command with the same settings,
 * on the same Y4M file, in turns. Usage: bench_encode JSON
 *
 * Both are a process of their own that maps the file, whose user and system time is told by
 * wait4(): the encoder's threads, and reading the mapping, which costs both alike. What either
 * costs before its second picture (beginning, libraries, tables) is measured in the same turn with
 * the first picture only and subtracted, so the cost is that of one more picture. That both encode
 * alike is shown by the bytes they give: x264's are more by its SEI of 692 that we leave out, and
 * no other. Numbers are for people: nothing is asserted. */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/encoder.h"
#include "streamer/pattern.h"
#include "streamer/pixfmt.h"

#define PAIRS       9
#define FPS         30
#define GOP_FRAMES  60
#define FRAME_US    (1000000 / FPS)
#define TARGET      1.05
#define Y4M_FRAME   "FRAME\n"
#define HEADER_MAX  64
#define SECONDS_MAX 60 /* of one encoding: past that something is wrong */

extern char **environ;

struct scene {
	unsigned width, height;
	unsigned frames;      /* of the file */
	unsigned bitrate_bps; /* so that x264's buffer is 1.5 frame times: see encoder_x264.c */
};

static const struct scene scenes[] = {
	{640, 480, 300, 2000000},
	{1280, 720, 180, 4000000},
	{1920, 1080, 120, 8000000},
};

enum who { OURS, THEIRS, BOTH };

struct result { /* medians */
	double frame_s[BOTH];
	double ratio; /* of the pairs' ratios */
	uint64_t bytes[BOTH];
};

static char folder[] = "/tmp/nc-encode-XXXXXX";
static char y4m_path[sizeof(folder) + 16], out_path[sizeof(folder) + 16];

static void clean(void)
{
	unlink(y4m_path);
	unlink(out_path);
	rmdir(folder);
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "bench_encode: %s\n", what);
	exit(1);
}

static unsigned thread_count(void) /* the encoder's own choice, made for both */
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores > 2 ? (unsigned)cores - 1 : 1;
}

/* ---- the file */

static int header_print(char *out, const struct scene *scene)
{
	return snprintf(out, HEADER_MAX, "YUV4MPEG2 W%u H%u F%d:1 Ip A1:1 C420jpeg\n", scene->width,
			scene->height, FPS);
}

static void write_pictures(FILE *file, const struct scene *scene, struct pattern *pattern,
			   struct pattern_canvas *canvas)
{
	size_t size = pattern_bytes(scene->width, scene->height);

	for (unsigned i = 0; i < scene->frames; i++) {
		struct pattern_clock clock = {i * FRAME_US / 1000, i};
		pattern_draw(pattern, canvas, &clock);
		fputs(Y4M_FRAME, file);
		fwrite(canvas->data, size, 1, file);
	}
}

static void write_y4m(const struct scene *scene)
{
	struct pattern *pattern = pattern_new(scene->width, scene->height);
	struct pattern_canvas canvas = {.data = malloc(pattern_bytes(scene->width, scene->height))};
	FILE *file = fopen(y4m_path, "we");
	char header[HEADER_MAX];

	if (pattern == NULL || canvas.data == NULL || file == NULL)
		fail("the Y4M file cannot be written");
	header_print(header, scene);
	fputs(header, file);
	write_pictures(file, scene, pattern, &canvas);
	if (fclose(file) != 0)
		fail("the Y4M file cannot be written");
	free(canvas.data);
	pattern_free(pattern);
}

/* ---- our encoder, in a process of its own */

static struct encoder *open_encoder(const struct scene *scene)
{
	const struct encoder_config cfg = {
		.in = {FRAME_I420, scene->width, scene->height, FPS * 1000, {0}},
		.bitrate_bps = scene->bitrate_bps,
		.gop_frames = GOP_FRAMES,
		.threads = thread_count(),
	};
	struct encoder *encoder;
	struct error err;

	const struct encoder_ops *ops = encoder_find("x264", FRAME_I420, &err);
	if (ops == NULL || encoder_open(ops, &cfg, &encoder, &err) < 0)
		fail(err.text);
	return encoder;
}

static struct frame frame_of(const struct scene *scene, const uint8_t *data, unsigned i)
{
	struct frame frame = pixfmt_i420(data, scene->width, scene->height);

	frame.pts_us = (int64_t)i * FRAME_US;
	frame.index = i;
	return frame;
}

static void encode_one(struct encoder *encoder, const struct frame *frame, int out)
{
	struct au *au;
	struct error err;
	uint32_t index;

	if (encoder_submit(encoder, frame, false) < 0 || encoder_collect(encoder, &au, &err) < 0)
		fail("a picture was not encoded");
	encoder_reclaim(encoder, &index);
	if (write(out, au->data, au->size) != (ssize_t)au->size)
		fail("an access unit cannot be written");
	au_unref(au);
}

/* Each picture is mapped for itself and unmapped, as the x264 command does it. */
static void encode_mapped(struct encoder *encoder, const struct scene *scene, unsigned i, int y4m,
			  int out)
{
	static char header[HEADER_MAX];
	size_t size = pattern_bytes(scene->width, scene->height);
	size_t skip = (size_t)header_print(header, scene) + strlen(Y4M_FRAME);
	size_t begin = skip + i * (size + strlen(Y4M_FRAME));
	size_t lead = begin % (size_t)sysconf(_SC_PAGESIZE);

	uint8_t *map = mmap(NULL, size + lead, PROT_READ, MAP_PRIVATE, y4m, (off_t)(begin - lead));
	if (map == MAP_FAILED)
		fail("the Y4M file cannot be mapped");
	struct frame frame = frame_of(scene, map + lead, i);
	encode_one(encoder, &frame, out);
	munmap(map, size + lead);
}

static void encode_ours(const struct scene *scene, unsigned frames, const char *out_to)
{
	struct encoder *encoder = open_encoder(scene);
	int y4m = open(y4m_path, O_RDONLY | O_CLOEXEC);
	int out = open(out_to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (y4m < 0 || out < 0)
		fail("a file cannot be opened");
	for (unsigned i = 0; i < frames; i++)
		encode_mapped(encoder, scene, i, y4m, out);
	encoder_close(encoder);
	close(y4m);
	close(out);
}

static pid_t start_ours(const struct scene *scene, unsigned frames, const char *out_to)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	alarm(SECONDS_MAX);
	encode_ours(scene, frames, out_to);
	_exit(0); /* the parent's clean() is not ours */
}

/* ---- the x264 command */

static pid_t start_theirs(const struct scene *scene, unsigned frames, const char *out_to)
{
	char count[16], kbps[16], vbv[16], threads[16], gop[16];
	const char *const argv[] = {"x264", y4m_path, "--output", out_to, "--quiet",
				    "--no-progress",
				    /* as param_fill() */
				    "--preset", "superfast", "--tune", "zerolatency", "--profile",
				    "baseline",
				    /* as param_set_rate() */
				    "--bitrate", kbps, "--vbv-maxrate", kbps, "--vbv-bufsize", vbv,
				    /* as param_set_stream(), and as IDRs are placed */
				    "--threads", threads, "--keyint", gop, "--min-keyint", "1",
				    "--scenecut", "0",
				    /* as param_set_picture() */
				    "--colorprim", "smpte170m", "--transfer", "smpte170m",
				    "--colormatrix", "smpte170m", "--range", "tv", "--muxer", "raw",
				    "--demuxer", "y4m", "--frames", count, NULL};
	pid_t pid;

	snprintf(count, sizeof(count), "%u", frames);
	snprintf(kbps, sizeof(kbps), "%u", scene->bitrate_bps / 1000);
	snprintf(vbv, sizeof(vbv), "%u", scene->bitrate_bps * 3 / 2 / FPS / 1000 + 1);
	snprintf(threads, sizeof(threads), "%u", thread_count());
	snprintf(gop, sizeof(gop), "%d", GOP_FRAMES);
	posix_spawn_file_actions_t actions;
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	/* It counts its pictures there, however quiet it is to be. */
	int r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawnp(&pid, "x264", &actions, NULL, (char *const *)(uintptr_t)argv,
				 environ);
	posix_spawn_file_actions_destroy(&actions);
	return r == 0 ? pid : -1;
}

static bool is_there(const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", name);
	return system(command) == 0;
}

/* ---- measuring */

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double run(enum who who, const struct scene *scene, unsigned frames, const char *out_to)
{
	static pid_t (*const start[BOTH])(const struct scene *, unsigned,
					  const char *) = {start_ours, start_theirs};
	struct rusage used;
	int status;

	fflush(NULL);
	pid_t pid = start[who](scene, frames, out_to);
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid || status != 0)
		fail(who == OURS ? "our encoder failed" : "the x264 command failed");
	return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

static double frame_cost(enum who who, const struct scene *scene)
{
	double begin_s = run(who, scene, 1, "/dev/null");
	double all_s = run(who, scene, scene->frames, "/dev/null");

	return (all_s - begin_s) / (scene->frames - 1);
}

static uint64_t output_bytes(enum who who, const struct scene *scene)
{
	struct stat st;

	run(who, scene, scene->frames, out_path);
	if (stat(out_path, &st) < 0)
		fail("there is no output");
	return (uint64_t)st.st_size;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, PAIRS, sizeof(*values), compare);
	return values[PAIRS / 2];
}

static struct result measure(const struct scene *scene)
{
	double frame_s[BOTH][PAIRS], ratio[PAIRS];
	struct result result;

	for (int who = 0; who < BOTH; who++)
		result.bytes[who] = output_bytes(who, scene);
	for (int i = 0; i < PAIRS; i++) {
		/* Who goes first alternates. */
		enum who first = i % 2 == 0 ? OURS : THEIRS;
		enum who second = first == OURS ? THEIRS : OURS;
		frame_s[first][i] = frame_cost(first, scene);
		frame_s[second][i] = frame_cost(second, scene);
		ratio[i] = frame_s[OURS][i] / frame_s[THEIRS][i];
	}
	for (int who = 0; who < BOTH; who++)
		result.frame_s[who] = median(frame_s[who]);
	result.ratio = median(ratio);
	return result;
}

/* ---- telling */

static void tell(FILE *json, bool first, const struct scene *scene, const struct result *result)
{
	double ours_ms = result->frame_s[OURS] * 1e3, theirs_ms = result->frame_s[THEIRS] * 1e3;
	bool met = result->ratio <= TARGET;

	printf("%4ux%-4u %7u %11.3f %9.3f %7.3f %-7s %10llu %10llu\n", scene->width, scene->height,
	       scene->frames, ours_ms, theirs_ms, result->ratio, met ? "met" : "missed",
	       (unsigned long long)result->bytes[OURS], (unsigned long long)result->bytes[THEIRS]);
	fprintf(json,
		"%s\n  {\"width\":%u,\"height\":%u,\"frames\":%u,\"bitrate_bps\":%u,"
		"\"frame_cpu_ms\":%.4f,\"x264_frame_cpu_ms\":%.4f,\"ratio\":%.4f,\"target\":%.2f,"
		"\"met\":%s,\"bytes\":%llu,\"x264_bytes\":%llu}",
		first ? "" : ",", scene->width, scene->height, scene->frames, scene->bitrate_bps,
		ours_ms, theirs_ms, result->ratio, TARGET, met ? "true" : "false",
		(unsigned long long)result->bytes[OURS], (unsigned long long)result->bytes[THEIRS]);
}

static void measure_all(FILE *json)
{
	printf("encode: CPU ms a picture beside the x264 command, medians of %d pairs, %u "
	       "thread(s); target: ratio at most %.2f\n",
	       PAIRS, thread_count(), TARGET);
	printf("%9s %7s %11s %9s %7s %-7s %10s %10s\n", "size", "frames", "nalcast ms", "x264 ms",
	       "ratio", "target", "bytes", "x264 bytes");
	fprintf(json, "[");
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		write_y4m(&scenes[i]);
		struct result result = measure(&scenes[i]);
		tell(json, i == 0, &scenes[i], &result);
	}
	fprintf(json, "\n]\n");
}

static const char *reason_to_skip(void)
{
	if (!encoder_exists("x264"))
		return "this build has no x264";
	return is_there("x264") ? NULL : "there is no x264 command (Debian's package x264)";
}

int main(int argc, char **argv)
{
	if (argc != 2)
		fail("usage: bench_encode JSON");
	FILE *json = fopen(argv[1], "we");
	if (json == NULL)
		fail("the JSON file cannot be written");
	log_set_level(LOG_LEVEL_WARN);
#ifdef __SANITIZE_ADDRESS__
	printf("Built with sanitizers: these numbers say little.\n");
#endif
	const char *reason = reason_to_skip();
	if (reason != NULL) {
		printf("encode: skipped: %s\n", reason);
		fprintf(json, "{\"skipped\":\"%s\"}\n", reason);
		return fclose(json) == 0 ? 0 : 1;
	}
	if (mkdtemp(folder) == NULL)
		fail("there is no room in /tmp");
	snprintf(y4m_path, sizeof(y4m_path), "%s/in.y4m", folder);
	snprintf(out_path, sizeof(out_path), "%s/out.264", folder);
	atexit(clean);
	measure_all(json);
	return fclose(json) == 0 ? 0 : 1;
}
