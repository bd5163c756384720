#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "streamer/photo.h"

static int read_target(const char *target, struct photo_request *request, char *why)
{
	struct http_request req;
	char head[512];
	int status;

	int size = snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
	assert_true(http_read(head, (size_t)size, &req, &status) > 0);
	return photo_read(&req, request, why);
}

static void names_and_aliases_are_known_and_nothing_else(void **state)
{
	static const struct {
		const char *target;
		int status;
		bool is_endless;
	} cases[] = {
		{"/snapshot.jpg", 200, false},
		{"/camera/snapshot.jpg?cache=1", 200, false},
		{"/stream.mjpg", 200, true},
		{"/?action=snapshot", 200, false},
		{"/camera/?a=b&action=stream", 200, true},
		{"/camera/?action=stream&1234", 200, true},
		{"/?action=command", 0, false},
		{"/?reaction=stream", 0, false},
		{"/?action=streaming", 0, false},
		{"/?action=snapshotsnapshot", 0, false},
		{"/?action", 0, false},
		{"/stream?action=stream", 0, false},
		{"/snapshot.jpeg", 0, false},
		{"/my-snapshot.jpg", 0, false},
		{"/", 0, false},
	};
	struct photo_request request;
	char why[PHOTO_WHY_MAX];

	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_target(cases[i].target, &request, why), cases[i].status);
		if (cases[i].status == 200)
			assert_int_equal(request.is_endless, cases[i].is_endless);
	}
}

static void a_snapshot_has_its_quality_and_age(void **state)
{
	struct photo_request request;
	char why[PHOTO_WHY_MAX];

	UNUSED_STATE(state);
	assert_int_equal(read_target("/snapshot.jpg", &request, why), 200);
	assert_int_equal(request.quality, 0);
	assert_false(request.is_age_told);
	assert_int_equal(request.max_age_us, 0);
	assert_int_equal(read_target("/snapshot.jpg?max_age_ms=0", &request, why), 200);
	assert_true(request.is_age_told);
	assert_int_equal(request.max_age_us, 0);
	assert_int_equal(read_target("/snapshot.jpg?max_age_ms=1500&quality=100", &request, why),
			 200);
	assert_int_equal(request.quality, 100);
	assert_int_equal(request.max_age_us, 1500000);
	assert_int_equal(read_target("/stream.mjpg?quality=7", &request, why), 200);
	assert_int_equal(request.quality, 0); /* one for all */
}

static void what_is_out_of_bounds_is_refused_in_words(void **state)
{
	static const struct {
		const char *query;
		int status;
		const char *why;
	} cases[] = {
		{"quality=0", 422, "quality is a whole number from 1 to 100"},
		{"quality=101", 422, "quality is"},
		{"quality=", 400, "quality is"},
		{"quality=-1", 400, "quality is"},
		{"quality=8%30", 400, "quality is"},
		{"quality=12345678901234567890123", 422, "quality is"},
		{"max_age_ms=60001", 422, "max_age_ms is a whole number from 0 to 60000"},
		{"max_age_ms=soon", 400, "max_age_ms is"},
		{"quality=50&max_age_ms=1.5", 400, "max_age_ms is"},
	};
	struct photo_request request;
	char target[128], why[PHOTO_WHY_MAX];

	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(target, sizeof(target), "/snapshot.jpg?%s", cases[i].query);
		memset(&request, 7, sizeof(request));
		assert_int_equal(read_target(target, &request, why), cases[i].status);
		assert_non_null(strstr(why, cases[i].why));
		assert_int_equal(request.quality, 0x07070707);
	}
}

static void heads_say_what_comes(void **state)
{
	char head[PHOTO_HEAD_MAX + 1];

	UNUSED_STATE(state);
	head[photo_write_head(head, false, 1234, 1700000000000042)] = '\0';
	assert_non_null(strstr(head, "Content-Length: 1234\r\n"));
	assert_non_null(strstr(head, "X-Timestamp: 1700000000.000042\r\n"));
	assert_non_null(strstr(head, "Cache-Control: no-store\r\n"));
	assert_string_equal(head + strlen(head) - 4, "\r\n\r\n");
	head[photo_write_head(head, true, 1234, 0)] = '\0';
	assert_null(strstr(head, "Content-Length"));
	assert_non_null(strstr(head, "multipart/x-mixed-replace; boundary=" PHOTO_BOUNDARY));
	assert_non_null(strstr(head, "\r\n\r\n--" PHOTO_BOUNDARY "\r\n"));
	assert_string_equal(head + strlen(head) - strlen(PHOTO_NEXT), PHOTO_NEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_aliases_are_known_and_nothing_else),
		cmocka_unit_test(a_snapshot_has_its_quality_and_age),
		cmocka_unit_test(what_is_out_of_bounds_is_refused_in_words),
		cmocka_unit_test(heads_say_what_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
