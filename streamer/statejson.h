/* statejson: the daemon's state as the HTTP API shows it (protocol.md sections 4 and 5): from
 * structs to JSON, nothing else. Every function returns a new reference, NULL: no memory. */
#ifndef STREAMER_STATEJSON_H
#define STREAMER_STATEJSON_H

#include <jansson.h>

#include "streamer/conf.h"
#include "streamer/stream.h"

json_t *statejson_state(const struct conf *conf, const struct stream_status *status,
			const struct au_format *format, int64_t uptime_us);

/* {"width","height","fps","modes":[...]} */
json_t *statejson_resolution(const struct stream_status *status, const struct source_caps *caps);

/* {"width","height","fps"}; null where unknown (0) */
json_t *statejson_picture(const struct pipeline_picture *picture);

/* What the stream is shown at: as granted while it runs, else as it will be opened. A source that
 * has one size of its own tells it by being opened: zeros before. */
struct pipeline_picture statejson_effective(const struct stream_status *status);

/* {"requested","effective","changed","applied","interruption_ms"}: how a change of the picture
 * ended, or, if pending, that it is under way. */
json_t *statejson_change(const struct pipeline_picture *requested,
			 const struct stream_status *status, bool changed, bool pending);

json_t *statejson_mode(const struct source_mode *mode);

/* Thousandths as a JSON number: 30 or 29.97. 0 is null. */
json_t *statejson_milli(unsigned milli);

#endif
