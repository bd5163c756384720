/* error: a failure with words. Filled by whoever knows what failed, shown by whoever knows the
 * user. Caller-owned, never allocates, any thread. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

struct error {
	int code;       /* negative errno; 0 while nothing has failed */
	char text[240]; /* "/dev/video0: VIDIOC_S_FMT: Device or resource busy" */
};

/* Record a failure and return code, so that callers can write `return error_set(...)`.
 * err may be NULL: the code still comes back. A text that is too long is cut. */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
