// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulates crashes of chains, many of them, and looks at each.
 *
 *   --seed N      of the runs (1)
 *   --states N    crash states to try (no end)
 *   --seconds N   to take (10; 0: no end)
 *   --run N       this run alone
 *   --keep MASK   of it, these acts alone: a bit each
 *   --sample N    this crash state alone, and it is printed
 *   --counts      say how often what happened; it is a failure if something
 *                 that there is to happen never did
 *
 * Runs follow from the seed and their number alone. A failure ends it: how it is
 * seen again is printed. Exits with 1 then.
 */
#include <getopt.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

struct settings {
	u64 seed;
	u64 states;
	u32 seconds;
	u32 run;
	u64 keep;
	u32 sample;
	bool counts;
};

static double seconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static bool count(const char *name, u64 number)
{
	printf("  %10llu  %s\n", number, name);
	return !number;
}

/* Returns whether all that there is to happen did. */
static bool print_counts(const struct totals *t)
{
	bool never = false;

	never |= count("writes", t->wrote);
	never |= count("zeroes", t->zeroed);
	never |= count("discards", t->discarded);
	never |= count("snapshots", t->snapshots);
	never |= count("of a disk that nobody had written since", t->unwritten);
	never |= count("children larger than their parents", t->grown);
	never |= count("merges", t->merged);
	never |= count("that left an empty child", t->emptied);
	never |= count("of an image between others", t->merged_middle);
	never |= count("of these, that left it empty", t->emptied_middle);
	never |= count("merges that were stopped", t->stopped);
	never |= count("images of the longest chain", t->deepest);
	never |= count("states in which two files could lose something",
		       t->both_torn);
	never |= count("in which a child named two identities", t->second_link);
	never |= count("crashes that a run went on after", t->crashes);
	never |= count("that left the disk its old name", t->gone_back);
	never |= count("files that nobody needs any more", t->half_made);
	never |= count("logs replayed", t->recovered);
	never |= count("logs left to whoever needs the image", t->left_dirty);
	if (never)
		printf("not all of it did happen\n");
	return !never;
}

/* Longer than any run takes that does end. */
#define RUN_SECONDS 300

/**
 * struct shared - what the process that runs tells the one that waits
 * @number: of the run
 * @failed: it did
 * @sample: the crash state that is not good; U32_MAX: it is something else
 * @act: the last one
 * @text: why
 * @totals: of all runs
 */
struct shared {
	u32 number;
	bool failed;
	u32 sample;
	u32 act;
	char text[VHDX_SENTENCE_MAX + 64];
	struct totals totals;
};

static bool is_over(const struct settings *settings,
		    const struct shared *shared, double start)
{
	if (settings->states && shared->totals.states >= settings->states)
		return true;
	return settings->seconds &&
	       seconds(CLOCK_MONOTONIC) - start >= settings->seconds;
}

/* Returns whether the run was as it must be. */
static bool run_one(const struct settings *settings, struct shared *shared)
{
	struct world *world = calloc(1, sizeof(*world));
	bool good;

	if (!world)
		abort();
	world->kept = settings->keep;
	world->only = settings->sample;
	alarm(RUN_SECONDS);
	good = world_run(world, settings->seed, shared->number,
			 &shared->totals);
	shared->failed = !good;
	shared->sample = world->only;
	shared->act = world->act ? world->act - 1 : 0;
	memcpy(shared->text, world->text, sizeof(world->text));
	free(world);
	return good;
}

/* A process of its own, so that a failed assertion can be told of. */
static bool in_child(const struct settings *settings, struct shared *shared,
		     bool many)
{
	double start = seconds(CLOCK_MONOTONIC);
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		while (run_one(settings, shared) && many) {
			shared->number++;
			if (is_over(settings, shared, start))
				break;
		}
		fflush(stdout);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	if (!WIFSIGNALED(status))
		return !shared->failed;
	shared->failed = true;
	snprintf(shared->text, sizeof(shared->text),
		 "the run was killed by signal %d", WTERMSIG(status));
	return false;
}

/* Leaves out what a failure does not need. */
static void shrink(struct settings *settings, struct shared *shared)
{
	u64 acts = 2ULL << shared->act, bit;

	settings->sample = U32_MAX;
	settings->keep &= acts - 1;
	for (bit = 1; bit < acts; bit <<= 1) {
		settings->keep &= ~bit;
		if (in_child(settings, shared, false))
			settings->keep |= bit;
	}
	in_child(settings, shared, false);
	settings->sample = shared->sample;
}

static int print_failure(struct settings *settings, struct shared *shared)
{
	printf("run %u fails: in act %u, %s\n", shared->number, shared->act,
	       shared->text);
	if (settings->run == U32_MAX) {
		shrink(settings, shared);
		printf("what is left of it fails: in act %u, %s\n",
		       shared->act, shared->text);
	}
	printf("see it again with:\n  tests/sim/run chain --seed %llu --run %u",
	       settings->seed, shared->number);
	printf(" --keep 0x%llx --sample %u\n", settings->keep, shared->sample);
	return 1;
}

static double core_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int run_many(struct settings *settings, struct shared *shared)
{
	double start = seconds(CLOCK_MONOTONIC);
	bool good = in_child(settings, shared, true);

	printf("seed %llu: %llu crash states of chains in %llu runs, %.1f s; ",
	       settings->seed, shared->totals.states, shared->totals.runs,
	       seconds(CLOCK_MONOTONIC) - start);
	printf("%.0f a minute of a core\n",
	       shared->totals.states / core_seconds() * 60);
	if (settings->counts && !print_counts(&shared->totals) && good)
		return 1;
	return good ? 0 : print_failure(settings, shared);
}

static const struct option long_options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "states", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 't' },
	{ "run", required_argument, NULL, 'r' },
	{ "keep", required_argument, NULL, 'k' },
	{ "sample", required_argument, NULL, 'a' },
	{ "counts", no_argument, NULL, 'c' },
	{}
};

static void set_option(struct settings *settings, int option)
{
	u64 number = optarg ? strtoull(optarg, NULL, 0) : 0;

	switch (option) {
	case 's':
		settings->seed = number;
		break;
	case 'n':
		settings->states = number;
		break;
	case 't':
		settings->seconds = number;
		break;
	case 'r':
		settings->run = number;
		break;
	case 'k':
		settings->keep = number;
		break;
	case 'a':
		settings->sample = number;
		break;
	case 'c':
		settings->counts = true;
		break;
	default:
		fprintf(stderr, "see the head of main.c for the options\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.seed = 1,
		.seconds = 10,
		.run = U32_MAX,
		.keep = U64_MAX,
		.sample = U32_MAX,
	};
	struct shared *shared = mmap(NULL, sizeof(*shared),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int option;

	if (shared == MAP_FAILED)
		abort();
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		set_option(&settings, option);
	if (settings.run == U32_MAX)
		return run_many(&settings, shared);
	shared->number = settings.run;
	if (!in_child(&settings, shared, false))
		return print_failure(&settings, shared);
	printf("run %u is as it must be\n", settings.run);
	return 0;
}
