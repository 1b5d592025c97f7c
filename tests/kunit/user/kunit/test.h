/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of KUnit as the suites use, for userspace.
 *
 * The suites are the same files in both worlds. Here they run in one process
 * under the sanitizers, in a second or two. Names and meaning are those of
 * <kunit/test.h> in the kernel; what a suite wants and this file lacks should
 * be looked up there before it is added.
 *
 * An assertion leaves the test by longjmp(), the suite's exit still runs.
 */
#ifndef VHDX_USER_KUNIT_TEST_H
#define VHDX_USER_KUNIT_TEST_H

#include <setjmp.h>

#include "kernel-shim.h"

#define KUNIT_PARAM_DESC_SIZE 128

/**
 * struct kunit - a test under way
 * @priv: the suite's own
 * @param_value: of a parameterized test
 * @failed: an expectation was not met
 * @skip: why the rest was skipped, or NULL
 * @leave: where assertions go
 * @allocations: of kunit_kzalloc(), freed after the test
 */
struct kunit {
	void *priv;
	const void *param_value;
	bool failed;
	const char *skip;
	jmp_buf leave;
	struct kunit_allocation *allocations;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(test_name) { .run_case = test_name, .name = #test_name }
#define KUNIT_CASE_PARAM(test_name, gen_params) \
	{ .run_case = test_name, .name = #test_name, \
	  .generate_params = gen_params }

#define KUNIT_ARRAY_PARAM(name, array, get_desc) \
	static const void *name##_gen_params(const void *prev, char *desc) \
	{ \
		__typeof__(&(array)[0]) next = \
			prev ? (__typeof__(next))prev + 1 : (array); \
		void (*describe)(__typeof__(next), char *) = get_desc; \
		if ((size_t)(next - (array)) >= ARRAY_SIZE(array)) \
			return NULL; \
		if (describe) \
			describe(next, desc); \
		return next; \
	}

/* All suites there are; one list a program. */
#define kunit_test_suites(...) \
	struct kunit_suite *kunit_user_suites[] = { __VA_ARGS__, NULL }
extern struct kunit_suite *kunit_user_suites[];

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp);

__printf(4, 5) void kunit_user_fail(struct kunit *test, const char *file,
				    int line, const char *fmt, ...);
bool kunit_user_streq(const char *left, const char *right);

__attribute__((noreturn)) static inline void
kunit_user_leave(struct kunit *test)
{
	longjmp(test->leave, 1);
}

/* What an expectation does that was not met: nothing. */
static inline void kunit_user_go_on(struct kunit *test)
{
	(void)test;
}

#define kunit_skip(test, why) \
	do { (test)->skip = (why); kunit_user_leave(test); } while (0)

#define KUNIT_USER_INT(test, left, op, right, after) \
	do { \
		long long __left = (long long)(left); \
		long long __right = (long long)(right); \
		if (!(__left op __right)) { \
			kunit_user_fail(test, __FILE__, __LINE__, \
					"%s %s %s: left is %lld (0x%llx), right is %lld (0x%llx)", \
					#left, #op, #right, __left, __left, \
					__right, __right); \
			after; \
		} \
	} while (0)

#define KUNIT_USER_PTR(test, left, op, right, after) \
	do { \
		const void *__left = (left); \
		const void *__right = (right); \
		if (!(__left op __right)) { \
			kunit_user_fail(test, __FILE__, __LINE__, \
					"%s %s %s: left is %p, right is %p", \
					#left, #op, #right, __left, __right); \
			after; \
		} \
	} while (0)

#define KUNIT_USER_TRUE(test, condition, wanted, after) \
	do { \
		if ((bool)(condition) != (wanted)) { \
			kunit_user_fail(test, __FILE__, __LINE__, \
					"%s is %s", #condition, \
					(wanted) ? "false" : "true"); \
			after; \
		} \
	} while (0)

#define KUNIT_EXPECT_EQ(t, l, r) \
	KUNIT_USER_INT(t, l, ==, r, kunit_user_go_on(t))
#define KUNIT_EXPECT_NE(t, l, r) \
	KUNIT_USER_INT(t, l, !=, r, kunit_user_go_on(t))
#define KUNIT_EXPECT_LT(t, l, r) \
	KUNIT_USER_INT(t, l, <, r, kunit_user_go_on(t))
#define KUNIT_EXPECT_LE(t, l, r) \
	KUNIT_USER_INT(t, l, <=, r, kunit_user_go_on(t))
#define KUNIT_EXPECT_GT(t, l, r) \
	KUNIT_USER_INT(t, l, >, r, kunit_user_go_on(t))
#define KUNIT_EXPECT_GE(t, l, r) \
	KUNIT_USER_INT(t, l, >=, r, kunit_user_go_on(t))
#define KUNIT_EXPECT_PTR_EQ(t, l, r) \
	KUNIT_USER_PTR(t, l, ==, r, kunit_user_go_on(t))
#define KUNIT_EXPECT_PTR_NE(t, l, r) \
	KUNIT_USER_PTR(t, l, !=, r, kunit_user_go_on(t))
#define KUNIT_EXPECT_NULL(t, p) \
	KUNIT_USER_PTR(t, p, ==, NULL, kunit_user_go_on(t))
#define KUNIT_EXPECT_NOT_NULL(t, p) \
	KUNIT_USER_PTR(t, p, !=, NULL, kunit_user_go_on(t))
#define KUNIT_EXPECT_TRUE(t, c) \
	KUNIT_USER_TRUE(t, c, true, kunit_user_go_on(t))
#define KUNIT_EXPECT_FALSE(t, c) \
	KUNIT_USER_TRUE(t, c, false, kunit_user_go_on(t))

#define KUNIT_ASSERT_EQ(t, l, r) \
	KUNIT_USER_INT(t, l, ==, r, kunit_user_leave(t))
#define KUNIT_ASSERT_LE(t, l, r) \
	KUNIT_USER_INT(t, l, <=, r, kunit_user_leave(t))
#define KUNIT_ASSERT_NOT_NULL(t, p) \
	KUNIT_USER_PTR(t, p, !=, NULL, kunit_user_leave(t))
#define KUNIT_ASSERT_TRUE(t, c) \
	KUNIT_USER_TRUE(t, c, true, kunit_user_leave(t))
#define KUNIT_ASSERT_FALSE(t, c) \
	KUNIT_USER_TRUE(t, c, false, kunit_user_leave(t))

#define KUNIT_EXPECT_STREQ(test, left, right) \
	do { \
		const char *__left = (left); \
		const char *__right = (right); \
		if (!kunit_user_streq(__left, __right)) \
			kunit_user_fail(test, __FILE__, __LINE__, \
					"%s is\n%s\nand should be\n%s", \
					#left, __left, __right); \
	} while (0)

#define KUNIT_FAIL(test, ...) \
	kunit_user_fail(test, __FILE__, __LINE__, __VA_ARGS__)

#endif /* VHDX_USER_KUNIT_TEST_H */
