/* statejson: the daemon's state as the HTTP API shows it (protocol.md sections 4 and 5): from
 * structs to JSON, nothing else. Every function returns a new reference, NULL: no memory. */
#ifndef STREAMER_STATEJSON_H
#define STREAMER_STATEJSON_H

#include <jansson.h>

#include "streamer/conf.h"
#include "streamer/metrics.h"
#include "streamer/stream.h"
#include "streamer/viewer.h"

json_t *statejson_state(const struct conf *conf, const struct stream_status *status,
			const struct au_format *format, int64_t uptime_us);

/* {"width","height","fps","modes":[...]} */
json_t *statejson_resolution(const struct stream_status *status, const struct source_caps *caps);

/* {"width","height","fps"}; null where unknown (0) */
json_t *statejson_picture(const struct pipeline_picture *picture);

/* What the stream is shown at: as granted while it runs, else as it will be opened. A source that
 * has one size of its own tells it by being opened: zeros before. */
struct pipeline_picture statejson_effective(const struct stream_status *status);

/* {"NAME":{"type","value","min","max","step","default","unit","writable"},...} */
json_t *statejson_controls(const struct source_caps *caps);
json_t *statejson_control_value(const struct source_control *control, double value);

/* The whole of it: a list where it is several numbers. */
json_t *statejson_control_values(const struct source_control *control, const double *values);

json_t *statejson_viewer(const struct viewer_facts *facts);

/* The same numbers for Prometheus; their texts are conf's. */
void statejson_metrics(const struct conf *conf, const struct stream_status *status,
		       const struct viewer_sums *sums, int64_t uptime_us,
		       struct metrics *ret_metrics);

json_t *statejson_mode(const struct source_mode *mode);

/* Thousandths as a JSON number: 30 or 29.97. 0 is null. */
json_t *statejson_milli(unsigned milli);

#endif
