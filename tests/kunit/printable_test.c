// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/printable.c: texts that are no lines of the kernel's own. In the kernel
 * alone.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "fixture.h"
#include "printable.h"
#include "suites.h"

struct printable_case {
	const char *name;
	const char *text;
	const char *shown;
};

static const struct printable_case printable_cases[] = {
	{ "nothing", "", "" },
	{ "plain", "a b\\~", "a b\\~" },
	{ "a line feed", "a\nb", "a\\012b" },
	{ "controls", "\x01\x1b\x7f", "\\001\\033\\177" },
	{ "high bytes", "\x80\x9b\xa0", "\\200\\233\\240" },
	{ "the highest", "\xff", "\\377" },
	{ "as much as there is room for", "1234567890\n", "1234567890\\012" },
	{ "a letter too many", "123456789012345", "12345678901234" },
	{ "half an escape too many", "123456789012\n", "123456789012" },
	{ "nothing after what was cut", "123456789012\n4", "123456789012" },
};

static void printable_case_name(const struct printable_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(printable, printable_cases, printable_case_name);

static void printable_text(struct kunit *test)
{
	const struct printable_case *c = test->param_value;
	char buf[16] = { [15] = '$' };
	size_t length;
	char *copy;

	length = vhdx_printable(buf, 15, c->text);
	KUNIT_EXPECT_STREQ(test, buf, c->shown);
	KUNIT_EXPECT_EQ(test, buf[15], '$');
	copy = vhdx_printable_dup(c->text, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_EXPECT_EQ(test, strlen(copy), length);
	KUNIT_EXPECT_EQ(test, strncmp(copy, c->shown, strlen(c->shown)), 0);
	kfree(copy);
}

static struct kunit_case printable_test_cases[] = {
	KUNIT_CASE_PARAM(printable_text, printable_gen_params),
	{}
};

struct kunit_suite vhdx_printable_suite = {
	.name = "vhdx_printable",
	.test_cases = printable_test_cases,
};
