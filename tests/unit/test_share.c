/* Threads that ask the same at the same time: an asking lasts until the test lets it end. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/share.h"

#define MANY 12

enum kind { TEXT, TREE, FAILURE };

struct scene {
	struct share share;
	enum kind kind;
	sem_t begun, may_end;
	unsigned askings; /* one at a time but for TREE: there under share.lock */
};

struct asker {
	struct scene *scene;
	pthread_t thread;
	int timeout_ms, r;
	char got[16];
};

static int ask(void *ctx, struct ctl_reply *ret_reply, struct error *err)
{
	struct scene *scene = ctx;
	char text[16];

	pthread_mutex_lock(&scene->share.lock);
	unsigned number = ++scene->askings;
	pthread_mutex_unlock(&scene->share.lock);
	snprintf(text, sizeof(text), "[%u]", number);
	sem_post(&scene->begun);
	sem_wait(&scene->may_end);
	if (scene->kind == FAILURE)
		return error_set(err, -ENOENT, "%s", text);
	*ret_reply = (struct ctl_reply){.pending = true};
	if (scene->kind == TREE) {
		ret_reply->result = json_string(text);
		return 0;
	}
	ret_reply->text = strdup(text);
	ret_reply->text_size = strlen(text);
	return 0;
}

static void *ask_once(void *ctx)
{
	struct asker *asker = ctx;
	struct ctl_reply reply = {.code = CTL_OK};
	struct error err = {0};

	asker->r =
		share_ask(&asker->scene->share, ask, asker->scene, asker->timeout_ms, &reply, &err);
	snprintf(asker->got, sizeof(asker->got), "%.15s",
		 asker->r < 0         ? err.text
		 : reply.text != NULL ? reply.text
				      : json_string_value(reply.result));
	if (asker->r == 0) {
		assert_true(reply.pending);
		ctl_reply_clear(&reply);
	}
	return NULL;
}

static void scene_open(struct scene *scene, enum kind kind)
{
	*scene = (struct scene){.kind = kind};
	share_init(&scene->share);
	sem_init(&scene->begun, 0, 0);
	sem_init(&scene->may_end, 0, 0);
}

static void scene_close(struct scene *scene)
{
	share_destroy(&scene->share);
	sem_destroy(&scene->begun);
	sem_destroy(&scene->may_end);
}

static void begin(struct asker *asker, struct scene *scene, int timeout_ms)
{
	*asker = (struct asker){.scene = scene, .timeout_ms = timeout_ms};
	assert_int_equal(pthread_create(&asker->thread, NULL, ask_once, asker), 0);
}

static void one_alone_asks_for_himself(void **state)
{
	UNUSED_STATE(state);
	struct scene scene;
	struct asker asker;

	scene_open(&scene, TEXT);
	for (unsigned i = 1; i <= 3; i++) {
		char wanted[16];
		snprintf(wanted, sizeof(wanted), "[%u]", i);
		sem_post(&scene.may_end);
		begin(&asker, &scene, 20000);
		pthread_join(asker.thread, NULL);
		assert_int_equal(asker.r, 0);
		assert_string_equal(asker.got, wanted);
	}
	scene_close(&scene);
}

/* The first asks; the many come while he does; what he hears is older than their question. */
static void run(struct scene *scene, enum kind kind, struct asker many[MANY])
{
	struct asker first;

	scene_open(scene, kind);
	begin(&first, scene, 20000);
	sem_wait(&scene->begun);
	for (unsigned i = 0; i < MANY; i++)
		begin(&many[i], scene, 20000);
	/* One of the many asks when the first is done; the others may not all be there by then, and
	 * then ask once more. */
	for (unsigned i = 0; i < 2 * MANY + 2; i++)
		sem_post(&scene->may_end);
	pthread_join(first.thread, NULL);
	assert_string_equal(first.got, "[1]");
	for (unsigned i = 0; i < MANY; i++)
		pthread_join(many[i].thread, NULL);
}

static void nobody_is_given_what_was_asked_before_he_came(void **state)
{
	UNUSED_STATE(state);
	struct asker many[MANY];
	struct scene scene;

	run(&scene, TEXT, many);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(many[i].r, 0);
		assert_string_not_equal(many[i].got, "[1]");
	}
	assert_in_range(scene.askings, 2, 1 + MANY);
	scene_close(&scene);
}

static void a_failure_is_everybodys(void **state)
{
	UNUSED_STATE(state);
	struct asker many[MANY];
	struct scene scene;

	run(&scene, FAILURE, many);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(many[i].r, -ENOENT);
		assert_string_not_equal(many[i].got, "[1]");
	}
	scene_close(&scene);
}

static void what_cannot_be_copied_each_asks_for_himself(void **state)
{
	UNUSED_STATE(state);
	struct asker many[MANY];
	struct scene scene;

	run(&scene, TREE, many);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(many[i].r, 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(many[i].got, many[j].got);
	}
	assert_int_equal(scene.askings, 1 + MANY);
	scene_close(&scene);
}

/* Behind one who asks without an end: one is patient, one is not. */
static void who_waits_is_given_up_in_time(void **state)
{
	UNUSED_STATE(state);
	struct asker first, second, third;
	struct scene scene;

	scene_open(&scene, TEXT);
	begin(&first, &scene, 20000);
	sem_wait(&scene.begun);
	begin(&second, &scene, 20000);
	begin(&third, &scene, 1);
	pthread_join(third.thread, NULL);
	assert_int_equal(third.r, -ETIMEDOUT);
	assert_int_equal(scene.askings, 1);
	sem_post(&scene.may_end);
	sem_post(&scene.may_end);
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	assert_string_equal(first.got, "[1]");
	assert_string_equal(second.got, "[2]");
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_alone_asks_for_himself),
		cmocka_unit_test(nobody_is_given_what_was_asked_before_he_came),
		cmocka_unit_test(a_failure_is_everybodys),
		cmocka_unit_test(what_cannot_be_copied_each_asks_for_himself),
		cmocka_unit_test(who_waits_is_given_up_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
