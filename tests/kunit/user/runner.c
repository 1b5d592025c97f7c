// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the suites in userspace and prints KTAP as the kernel does.
 *
 * Usage: runner [SUITE]...
 * Exits with 0 if something ran and nothing failed.
 */
#include <kunit/test.h>

struct kunit_allocation {
	struct kunit_allocation *next;
	max_align_t data[];
};

/* What the last line says: tests, each parameter counting as one. */
static struct {
	unsigned int passed, failed, skipped;
} counts;

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	struct kunit_allocation *a = calloc(1, sizeof(*a) + size);

	(void)gfp;
	if (!a)
		return NULL;
	a->next = test->allocations;
	test->allocations = a;
	return a->data;
}

/* Every line of a message is a diagnostic, so that none looks like a result. */
void kunit_user_fail(struct kunit *test, const char *file, int line,
		     const char *fmt, ...)
{
	char text[16384];
	char *next = text;
	va_list args;

	test->failed = true;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("    # %s:%d\n", file, line);
	while (next) {
		char *end = strchr(next, '\n');

		if (end)
			*end++ = 0;
		printf("    #   %s\n", next);
		next = end;
	}
}

bool kunit_user_streq(const char *left, const char *right)
{
	return !strcmp(left, right);
}

/* A function of its own: what it keeps must survive the longjmp(). */
static void run_body(struct kunit *test, const struct kunit_suite *suite,
		     const struct kunit_case *test_case)
{
	if (setjmp(test->leave))
		return;
	if (suite->init && suite->init(test))
		kunit_user_fail(test, __FILE__, __LINE__, "init failed");
	else
		test_case->run_case(test);
}

static bool run_one(const struct kunit_suite *suite,
		    const struct kunit_case *test_case, const void *param,
		    const char **skip)
{
	struct kunit test = { .param_value = param };

	run_body(&test, suite, test_case);
	if (suite->exit)
		suite->exit(&test);
	while (test.allocations) {
		struct kunit_allocation *a = test.allocations;

		test.allocations = a->next;
		free(a);
	}
	*skip = test.failed ? NULL : test.skip;
	if (test.failed)
		counts.failed++;
	else if (test.skip)
		counts.skipped++;
	else
		counts.passed++;
	return !test.failed;
}

static void print_result(const char *indent, bool ok, unsigned int number,
			 const char *name, const char *skip)
{
	printf("%s%s %u %s%s%s\n", indent, ok ? "ok" : "not ok", number, name,
	       skip ? " # SKIP " : "", skip ? skip : "");
}

static bool run_params(const struct kunit_suite *suite,
		       const struct kunit_case *test_case)
{
	char desc[KUNIT_PARAM_DESC_SIZE] = "";
	const void *param = test_case->generate_params(NULL, desc);
	unsigned int number = 0;
	const char *skip;
	bool all = true;

	printf("        KTAP version 1\n        # Subtest: %s\n",
	       test_case->name);
	while (param) {
		bool ok = run_one(suite, test_case, param, &skip);

		print_result("        ", ok, ++number, desc, skip);
		all &= ok;
		param = test_case->generate_params(param, desc);
	}
	return all && number;
}

static bool run_case(const struct kunit_suite *suite,
		     const struct kunit_case *test_case, unsigned int number)
{
	const char *skip = NULL;
	bool ok = test_case->generate_params ?
			  run_params(suite, test_case) :
			  run_one(suite, test_case, NULL, &skip);

	print_result("    ", ok, number, test_case->name, skip);
	return ok;
}

static bool run_suite(const struct kunit_suite *suite)
{
	const struct kunit_case *c;
	unsigned int number = 0;
	bool all = true;

	for (c = suite->test_cases; c->run_case; c++)
		number++;
	printf("    KTAP version 1\n    # Subtest: %s\n    1..%u\n",
	       suite->name, number);
	number = 0;
	for (c = suite->test_cases; c->run_case; c++)
		all &= run_case(suite, c, ++number);
	fflush(stdout);
	return all && number;
}

static bool chosen(const struct kunit_suite *suite, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], suite->name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	unsigned int total = 0, number = 0;
	bool all = true;
	int i;

	for (i = 0; kunit_user_suites[i]; i++)
		total += chosen(kunit_user_suites[i], argc, argv);
	printf("KTAP version 1\n1..%u\n", total);
	for (i = 0; kunit_user_suites[i]; i++) {
		bool ok;

		if (!chosen(kunit_user_suites[i], argc, argv))
			continue;
		ok = run_suite(kunit_user_suites[i]);
		print_result("", ok, ++number, kunit_user_suites[i]->name,
			     NULL);
		all &= ok;
	}
	printf("%u passed, %u failed, %u skipped\n", counts.passed,
	       counts.failed, counts.skipped);
	return all && counts.passed ? 0 : 1;
}
