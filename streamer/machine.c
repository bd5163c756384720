#include "streamer/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/util.h"

#define FILES_BESIDES_VIEWERS 64 /* sockets, camera, buffers, control connections */
#define CAMERA_BUFFERS        6
#define ENCODER_BUFFERS       12
#define ENCODER_BUFFER_BYTES  (768 * 1024)
#define STRIDE_ALIGN          64 /* bcm2835-codec's, of YUV420 */
#define MIB                   (1024 * 1024)

const struct machine_roots machine_roots = {
	.proc = "/proc",
	.dev = "/dev",
	.etc = SYSCONFDIR,
	.units = UNITDIR,
};

/* --- looking */

/* One line, or a text that ends with NUL, as the device tree's do. */
static void read_line(const char *folder, const char *name, char *line, size_t line_size)
{
	char path[160];

	line[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	ssize_t size = read(fd, line, line_size - 1);
	close_fd(&fd);
	line[size > 0 ? size : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

/* "CmaTotal:         262144 kB" */
static bool read_kib(const char *line, const char *key, uint64_t *ret_bytes)
{
	char digits[24];
	uint64_t kib;
	size_t key_len = strlen(key);

	if (strncmp(line, key, key_len) != 0)
		return false;
	line += key_len;
	line += strspn(line, " ");
	snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(line, " \n"), line);
	if (parse_unsigned(digits, 0, UINT32_MAX, &kib) < 0)
		return false;
	*ret_bytes = kib * 1024;
	return true;
}

static void look_at_memory(const char *proc, struct machine *machine)
{
	char path[160], line[128];

	snprintf(path, sizeof(path), "%s/meminfo", proc);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (read_kib(line, "CmaTotal:", &machine->cma_bytes))
			machine->has_cma = machine->cma_bytes > 0;
		read_kib(line, "CmaFree:", &machine->cma_free_bytes);
	}
	fclose(file);
}

static void add_node(struct machine *machine, const char *dev, const char *name, bool of_buffers)
{
	struct machine_node *node = &machine->nodes[machine->node_count];

	if (machine->node_count == MACHINE_NODES_MAX)
		return;
	snprintf(node->path, sizeof(node->path), "%.60s/%.30s", dev, name);
	node->of_buffers = of_buffers;
	machine->node_count++;
}

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_numbered(const char *name, const char *prefix)
{
	uint64_t number;

	return begins(name, prefix) && parse_unsigned(name + strlen(prefix), 0, 9999, &number) == 0;
}

static void look_in_folder(const char *dev, struct machine *machine)
{
	DIR *dir = opendir(dev);

	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		const char *name = entry->d_name;
		if (is_numbered(name, "video") || is_numbered(name, "media"))
			add_node(machine, dev, name, false);
		else if (strcmp(name, "udmabuf") == 0)
			add_node(machine, dev, name, true);
	}
	closedir(dir);
}

static void look_at_heaps(const char *dev, struct machine *machine)
{
	char heaps[80];

	snprintf(heaps, sizeof(heaps), "%.64s/dma_heap", dev);
	DIR *dir = opendir(heaps);
	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.')
			add_node(machine, heaps, entry->d_name, true);
	closedir(dir);
}

static int compare_nodes(const void *a, const void *b)
{
	const struct machine_node *first = a, *second = b;

	return strcmp(first->path, second->path);
}

/* nalcastd raises its soft limit to the hard one. */
static uint64_t limit_of_files(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : limit.rlim_max;
}

void machine_look(const struct machine_roots *roots, struct machine *ret_machine)
{
	struct machine *machine = ret_machine;

	memset(machine, 0, sizeof(*machine));
	read_line(roots->proc, "sys/kernel/osrelease", machine->kernel, sizeof(machine->kernel));
	read_line(roots->proc, "device-tree/model", machine->model, sizeof(machine->model));
	look_at_memory(roots->proc, machine);
	look_in_folder(roots->dev, machine);
	look_at_heaps(roots->dev, machine);
	qsort(machine->nodes, machine->node_count, sizeof(machine->nodes[0]), compare_nodes);
	machine->files_max = limit_of_files();
}

/* --- judging */

/* A camera of these has its buffers from somewhere else than its own driver. */
static bool wants_heaps(const struct machine *machine, const struct conf *conf)
{
	return strcmp(conf->source, "libcamera") == 0 ||
	       (strcmp(conf->source, "auto") == 0 && begins(machine->model, "Raspberry Pi"));
}

static bool wants_cameras(const struct conf *conf)
{
	return strcmp(conf->source, "test") != 0 && strcmp(conf->source, "file") != 0;
}

struct tally { /* of the device files of one kind */
	unsigned count, forbidden_count;
	const struct machine_node *forbidden; /* the first */
};

static struct tally tally_nodes(const struct machine *machine, const struct account *account,
				bool of_buffers)
{
	struct tally tally = {.count = 0};

	for (unsigned i = 0; i < machine->node_count; i++) {
		const struct machine_node *node = &machine->nodes[i];
		if (node->of_buffers != of_buffers)
			continue;
		tally.count++;
		if (account_may(account, node->path, R_OK | W_OK, NULL) == 0)
			continue;
		if (tally.forbidden_count++ == 0)
			tally.forbidden = node;
	}
	return tally;
}

static void say_forbidden(const struct tally *tally, const struct account *account, bool fatal,
			  struct finding *finding)
{
	char fix[300];

	finding_say(finding, "%s may not open %s%s", account->name, tally->forbidden->path,
		    tally->forbidden_count > 1 ? " and others" : "");
	account_mend(account, tally->forbidden->path, fix, sizeof(fix));
	if (fatal)
		finding_fail(finding, "%s", fix);
	else
		finding_warn(finding, "%s", fix);
}

bool machine_check_groups(const struct machine *machine, const struct conf *conf,
			  const struct account *account, struct finding *finding)
{
	struct tally cameras = tally_nodes(machine, account, false);
	struct tally buffers = tally_nodes(machine, account, true);
	bool named = conf->source_device[0] == '/'; /* permissions says whether that one may be */

	if (!wants_cameras(conf) || machine->node_count == 0)
		return false;
	finding_say(finding, "%s may open all %u device files of cameras and encoders",
		    account->name, cameras.count);
	if (cameras.forbidden != NULL)
		say_forbidden(&cameras, account, !named && cameras.forbidden_count == cameras.count,
			      finding);
	else if (wants_heaps(machine, conf) && buffers.forbidden != NULL &&
		 buffers.forbidden_count == buffers.count) /* one will do */
		say_forbidden(&buffers, account, true, finding);
	return true;
}

static uint64_t picture_bytes(const struct conf *conf)
{
	uint64_t stride = (conf->width + STRIDE_ALIGN - 1) / STRIDE_ALIGN * STRIDE_ALIGN;

	return stride * conf->height * 3 / 2;
}

/* Where the camera's hardware and the encoder's can take nothing else: Raspberry Pi up to 4. What
 * is free is no measure: the kernel lends the rest to who can give it back. */
bool machine_check_memory(const struct machine *machine, const struct conf *conf,
			  struct finding *finding)
{
	uint64_t need_bytes =
		CAMERA_BUFFERS * picture_bytes(conf) + ENCODER_BUFFERS * ENCODER_BUFFER_BYTES;

	if (!machine->has_cma || !begins(machine->model, "Raspberry Pi") || !wants_cameras(conf))
		return false;
	finding_say(finding,
		    "%llu MiB of memory without gaps (CMA), %llu MiB of it free; %ux%u takes about "
		    "%llu MiB in hardware",
		    (unsigned long long)machine->cma_bytes / MIB,
		    (unsigned long long)machine->cma_free_bytes / MIB, conf->width, conf->height,
		    (unsigned long long)need_bytes / MIB);
	if (machine->cma_bytes < need_bytes)
		finding_warn(finding, "a smaller size, or dtoverlay=vc4-kms-v3d,cma-256 in "
				      "/boot/firmware/config.txt, and restart the machine");
	return true;
}

bool machine_check_files(const struct machine *machine, const struct conf *conf,
			 struct finding *finding)
{
	uint64_t need = (uint64_t)conf->viewers_max + FILES_BESIDES_VIEWERS;

	if (machine->files_max == 0)
		return false;
	finding_say(finding, "%llu files may be open at a time; %u viewers need %llu",
		    (unsigned long long)machine->files_max, conf->viewers_max,
		    (unsigned long long)need);
	if (machine->files_max < need)
		finding_warn(finding,
			     "a smaller viewers-max, or LimitNOFILE=%llu in the unit "
			     "(systemctl edit), or ulimit -n",
			     (unsigned long long)need);
	return true;
}
