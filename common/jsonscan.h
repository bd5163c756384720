/* jsonscan: passes over one JSON value (RFC 8259) without keeping anything of it, for who only
 * hands it on. Foreign bytes; no I/O, any thread. */
#ifndef COMMON_JSONSCAN_H
#define COMMON_JSONSCAN_H

#define JSONSCAN_DEPTH_MAX 16 /* of nested arrays and objects */

/* Where the value that begins at text ends, or NULL: it is no JSON before end, or not plain: deeper
 * than JSONSCAN_DEPTH_MAX, not ASCII, with an escape of the kind \u. A key twice is not noticed. */
const char *jsonscan(const char *text, const char *end);

#endif
