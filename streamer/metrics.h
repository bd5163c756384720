/* metrics: numbers as Prometheus reads them (text format 0.0.4). From a struct to text, nothing
 * else; any thread. */
#ifndef STREAMER_METRICS_H
#define STREAMER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_SIZE 16384 /* bytes; enough for all of it */

struct metrics {
	const char *camera; /* [a-z0-9-]: needs no escaping */
	const char *version;
	int64_t uptime_us;
	bool running, active, source_online;

	uint64_t published, frames_captured, frames_dropped, aus_dropped;
	uint64_t idrs, idrs_forced, restarts;
	unsigned bitrate_target_bps, bitrate_actual_bps;
	unsigned fps_milli;

	unsigned viewers, viewers_max;
	uint64_t viewers_total; /* since the start */
	uint64_t sent_bytes, sent_aus, skipped_aus;
	int64_t capture_to_publish_us[2], publish_to_ack_us[2]; /* p50, p99 */
	bool settings_kept;
};

void metrics_write(const struct metrics *metrics, char ret[static METRICS_SIZE]);

#endif
