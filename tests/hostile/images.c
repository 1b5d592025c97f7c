// SPDX-License-Identifier: GPL-2.0-only
/*
 * images SEEDS SIZE DIR NUMBER...: write hostile images.
 *
 * SEEDS is a directory of the fuzzer's inputs. Each NUMBER steers the choice of
 * one or two of them, what the fuzzer's mutations make of them, and nothing else
 * does: the same number makes the same image from the same seeds. Checksums are
 * made right after that, but for one image in 16. No file is longer than SIZE
 * bytes.
 *
 * The files are DIR/NUMBER/layer-0.vhdx, the child, layer-1.vhdx, its parent,
 * and so on. A line for each NUMBER says how many layers it has, how many
 * sectors of 512 bytes the disk has by the engine (0 if it does not open), how
 * many bytes a sector of it has, "dirty" or "clean" by its log, and the seed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump.h"
#include "image.h"
#include "mutate.h"
#include "repair.h"
#include "runtime.h"
#include "store-user.h"
#include "verdict.h"

#define INPUT_MAX	65536U
#define POOL_PAGES	64U

/*
 * What image is wanted. Most seeds are malformed and refused by themselves, and
 * only what has no parent can be written to.
 */
enum want {
	WANT_ANY,
	WANT_CHAIN,
	WANT_DIRTY,
	WANT_WRITE,
	WANTS,
};

/* One of the fuzzer's inputs, as it lies in its file. */
struct blob {
	const char *name;
	size_t size;
	u8 bytes[INPUT_MAX];
};

static struct fuzz_input input;
static struct blob first, second, crossed;
static struct dirent **names;
static int count;
static const char *seeds;
static struct random bytes_random;

/**
 * libfuzzer_mutate() - change some of the bytes
 * @data: the bytes, in place
 * @size: how many
 * @max_size: how many there may be; their number stays
 *
 * Return: @size.
 */
size_t libfuzzer_mutate(u8 *data, size_t size, size_t max_size)
{
	u32 left = 1 + random_below(&bytes_random, 4);

	(void)max_size;
	while (size && left--)
		data[random_below(&bytes_random, size)] ^=
			1U << random_below(&bytes_random, 8);
	return size;
}

/* Real images are not there on every machine. */
static int is_seed(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strncmp(entry->d_name, "real-", 5);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void load(struct blob *blob, struct random *random)
{
	char path[4096];
	ssize_t size;
	int fd;

	blob->name = names[random_below(random, count)]->d_name;
	snprintf(path, sizeof(path), "%s/%s", seeds, blob->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, blob->bytes, sizeof(blob->bytes));
	FUZZ_CHECK(size > 0, "%s: %s", path, strerror(errno));
	close(fd);
	blob->size = size;
}

static bool is_dirty(const struct fuzz_layer *layer)
{
	bool newer = fuzz_layer_get(layer, VHDX_HEADER_OFFSET(1) + 8, 8) >
		     fuzz_layer_get(layer, VHDX_HEADER_OFFSET(0) + 8, 8);
	guid_t guid;

	fuzz_layer_read(layer, VHDX_HEADER_OFFSET(newer) +
			offsetof(struct vhdx_disk_header, log_guid),
			&guid, sizeof(guid));
	return !guid_is_null(&guid);
}

static bool is_wanted(const struct blob *blob, enum want want)
{
	if (!fuzz_input_parse(&input, blob->bytes, blob->size))
		return false;
	switch (want) {
	case WANT_CHAIN:
		return input.layers > 1;
	case WANT_DIRTY:
		return is_dirty(&input.layer[0]);
	case WANT_WRITE:
		return input.layers == 1 && !strncmp(blob->name, "good-", 5);
	default:
		return true;
	}
}

/* Looks at so many seeds that few wishes are left open. */
static void choose(struct blob *blob, enum want want, struct random *random)
{
	u32 tries = 32;

	do {
		load(blob, random);
	} while (!is_wanted(blob, want) && --tries);
}

/* Fills in @input. */
static void make(u64 number)
{
	struct random random = { number };
	enum want want = random_below(&random, WANTS);
	size_t size;

	bytes_random.state = random_next(&random);
	do {
		choose(&first, want, &random);
		if (random_once_in(&random, 4)) {
			choose(&second, WANT_ANY, &random);
			size = fuzz_cross(first.bytes, first.size,
					  second.bytes, second.size,
					  crossed.bytes, INPUT_MAX,
					  random_next(&random));
			memcpy(first.bytes, crossed.bytes, size);
			first.size = size ? size : first.size;
		}
		first.size = fuzz_mutate(first.bytes, first.size, INPUT_MAX,
					 random_next(&random));
	} while (!fuzz_input_parse(&input, first.bytes, first.size));
	input.repair = random_once_in(&random, 16) ?
		       random_below(&random, FUZZ_REPAIR_ALL + 1) :
		       FUZZ_REPAIR_ALL;
}

static void write_files(u64 number, u64 size, const char *dir)
{
	char path[4096];
	u32 i;

	for (i = 0; i < input.layers; i++) {
		input.layer[i].size = min(input.layer[i].size, size);
		fuzz_layer_changed();
		fuzz_repair(&input, &input.layer[i]);
	}
	snprintf(path, sizeof(path), "%s/%llu", dir, number);
	FUZZ_CHECK(!mkdir(path, 0700), "%s: %s", path, strerror(errno));
	dump_files(&input, path);
}

/* Of the disk, by the engine. */
struct shape {
	u64 sectors;
	u32 sector;
};

static void open_image(const char *path, struct shape *shape)
{
	struct user_store user;
	struct vhdx_image *image;

	if (user_store_open(&user, path, USER_PEEK))
		return;
	image = vhdx_image_open(&user.store, POOL_PAGES, &vhdx_report_silent);
	if (IS_ERR(image))
		return;
	shape->sectors = image->params.size / 512;
	shape->sector = image->params.logical_sector;
}

/*
 * A process of its own opens the image: one that brings the engine down is what
 * the module is to be shown.
 */
static struct shape ask_engine(const char *path)
{
	struct shape shape = { .sector = 512 };
	int ends[2];
	pid_t pid;

	FUZZ_CHECK(!pipe(ends), "%s", strerror(errno));
	pid = fork();
	FUZZ_CHECK(pid >= 0, "%s", strerror(errno));
	if (!pid) {
		open_image(path, &shape);
		_exit(write(ends[1], &shape, sizeof(shape)) != sizeof(shape));
	}
	close(ends[1]);
	if (read(ends[0], &shape, sizeof(shape)) < 0)
		shape.sectors = 0;
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return shape;
}

/* Says what there is now. */
static void tell(u64 number, const char *dir)
{
	struct shape shape;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%llu/layer-0.vhdx", dir, number);
	shape = ask_engine(path);
	printf("%llu\t%u\t%llu\t%u\t%s\t%s\n", number, input.layers,
	       shape.sectors, shape.sector,
	       is_dirty(&input.layer[0]) ? "dirty" : "clean", first.name);
}

int main(int argc, char **argv)
{
	int i;

	FUZZ_CHECK(argc > 4, "images SEEDS SIZE DIR NUMBER...");
	seeds = argv[1];
	count = scandir(seeds, &names, is_seed, by_bytes);
	FUZZ_CHECK(count > 0, "no seeds in %s", seeds);
	for (i = 4; i < argc; i++) {
		u64 number = strtoull(argv[i], NULL, 10);

		make(number);
		write_files(number, strtoull(argv[2], NULL, 10), argv[3]);
		tell(number, argv[3]);
	}
	return 0;
}
