#include "common/util.h"
#include "streamer/ops.h"
#include "streamer/statejson.h"

struct page {
	unsigned offset, limit;
	unsigned total;
	json_t *viewers;
};

static bool add_viewer(void *arg, const struct viewer_facts *facts)
{
	struct page *page = arg;
	unsigned at = page->total++;

	if (at >= page->offset && at - page->offset < page->limit)
		json_array_append_new(page->viewers, statejson_viewer(facts));
	return true;
}

static void op_viewers(struct op *op, const json_t *args)
{
	struct page page = {.viewers = json_array()};
	const char *pointer;
	struct error err;

	if (args_page(args, &page.offset, &page.limit, &pointer, &err) < 0) {
		json_decref(page.viewers);
		op_fail_argument(op, pointer, &err);
		return;
	}
	server_each_viewer(stream_server(op->host->stream), add_viewer, &page);
	op_reply(op, json_pack("{s:i, s:i, s:o}", "total", (int)page.total, "offset",
			       (int)page.offset, "viewers", page.viewers));
}

static void op_close_viewer(struct op *op, const json_t *args)
{
	const json_t *id = json_object_get(args, "id");

	if (!json_is_integer(id) || json_integer_value(id) < 0 ||
	    !stream_close_viewer(op->host->stream, (uint64_t)json_integer_value(id)))
		op_fail(op, CTL_NOT_FOUND, "/id", NULL, "no viewer of that id watches");
	else
		op_reply(op, json_object());
}

const struct op_entry ops_viewers[] = {
	{"viewers", op_viewers},
	{"close-viewer", op_close_viewer},
	{NULL, NULL},
};
