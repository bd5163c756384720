#include "streamer/v4l2find.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/util.h"
#include "streamer/samefile.h"
#include "streamer/v4l2caps.h"

#define PREFIX "video"

static bool read_number(const char *name, unsigned *ret_number)
{
	uint64_t number;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
	    parse_unsigned(name + strlen(PREFIX), 0, 9999, &number) < 0)
		return false;
	*ret_number = (unsigned)number;
	return true;
}

static int compare_numbers(const void *a, const void *b)
{
	unsigned first = *(const unsigned *)a, second = *(const unsigned *)b;

	return (first > second) - (first < second);
}

unsigned v4l2find_numbers(unsigned *ret_numbers, unsigned max)
{
	DIR *dir = opendir(v4l2_folder);
	unsigned count = 0;

	if (dir == NULL)
		return 0;
	for (struct dirent *entry; count < max && (entry = readdir(dir)) != NULL;)
		if (read_number(entry->d_name, &ret_numbers[count]))
			count++;
	closedir(dir);
	qsort(ret_numbers, count, sizeof(ret_numbers[0]), compare_numbers);
	return count;
}

/* Not the Raspberry Pi's ISP: its pictures come from whoever feeds it. */
static bool is_camera(const struct v4l2dev *dev)
{
	struct v4l2caps caps;

	if (strcmp(dev->driver, "bcm2835-isp") == 0)
		return false;
	v4l2caps_read(dev, &caps);
	return caps.count > 0;
}

/* Does it lead to a camera? Then node's rest is set. */
static bool look_at(struct v4l2node *node, const char *wanted_bus)
{
	struct v4l2dev dev;

	if (v4l2dev_open(&dev, node->path, NULL) < 0)
		return false;
	node->usb = strncmp(dev.bus, "usb-", 4) == 0;
	bool found = (wanted_bus == NULL || strcmp(dev.bus, wanted_bus) == 0) && is_camera(&dev);
	v4l2dev_close(&dev);
	return found;
}

static unsigned find(struct v4l2node *nodes, unsigned max, const char *wanted_bus)
{
	unsigned numbers[V4L2FIND_MAX];
	unsigned number_count = v4l2find_numbers(numbers, V4L2FIND_MAX);
	unsigned count = 0, usb_count = 0;

	for (unsigned i = 0; i < number_count && count < max; i++) {
		struct v4l2node node = {.number = numbers[i]};
		snprintf(node.path, sizeof(node.path), "%.48s/" PREFIX "%u", v4l2_folder,
			 node.number);
		if (!look_at(&node, wanted_bus))
			continue;
		unsigned at = node.usb ? usb_count++ : count;
		memmove(&nodes[at + 1], &nodes[at], (count - at) * sizeof(nodes[0]));
		nodes[at] = node;
		count++;
	}
	return count;
}

unsigned v4l2find_nodes(struct v4l2node *ret_nodes, unsigned max)
{
	struct v4l2node nodes[V4L2FIND_MAX];
	unsigned count = find(nodes, V4L2FIND_MAX, NULL);

	count = count < max ? count : max;
	memcpy(ret_nodes, nodes, count * sizeof(nodes[0]));
	return count;
}

static bool find_link(const char *folder, const struct stat *wanted, char *id, size_t id_size)
{
	char path[80], name[SAMEFILE_NAME_MAX];

	snprintf(path, sizeof(path), "%.48s/v4l/%s", v4l2_folder, folder);
	if (!samefile_in(path, wanted, name) || strlen(path) + 1 + strlen(name) >= id_size)
		return false;
	snprintf(id, id_size, "%s/%s", path, name);
	return true;
}

void v4l2find_id(const char *path, char *id, size_t id_size)
{
	struct stat st;

	if (stat(path, &st) == 0 &&
	    (find_link("by-id", &st, id, id_size) || find_link("by-path", &st, id, id_size)))
		return;
	snprintf(id, id_size, "%s", path);
}

int v4l2find_path(const char *device, char *path, size_t path_size, struct error *err)
{
	struct v4l2node nodes[V4L2FIND_MAX];

	if (device[0] == '/') {
		snprintf(path, path_size, "%s", device);
		return 0;
	}
	if (find(nodes, V4L2FIND_MAX, device[0] != '\0' ? device : NULL) == 0) {
		if (device[0] == '\0')
			return error_set(err, -ENODEV, "V4L2 has no camera");
		return error_set(err, -ENODEV, "V4L2 has no camera at %s", device);
	}
	snprintf(path, path_size, "%s", nodes[0].path);
	return 0;
}
