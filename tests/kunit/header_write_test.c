// SPDX-License-Identifier: GPL-2.0-only
/* engine/header-write.c: what is written, and that one copy is always good. */
#include "fixture.h"
#include "suites.h"

static void read_headers(struct kunit *test, struct vhdx_headers *headers)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test,
			vhdx_headers_read(&f->ram[0].store, headers,
					  &f->found.report),
			0);
}

/* A new header that is told from the old one by all that may change. */
static struct vhdx_header changed(const struct vhdx_headers *headers)
{
	struct vhdx_header next = *vhdx_header_current(headers);

	next.file_write_guid = builder_guid(0x21);
	next.data_write_guid = builder_guid(0x22);
	next.log_guid = builder_guid(0x23);
	return next;
}

/* The bytes at their places, from the specification. */
static void write_bytes(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ram_store *ram = &f->ram[0];
	u64 pos = 2 * 0x10000;
	guid_t guid = builder_guid(0x23), found;
	struct vhdx_headers headers;
	struct vhdx_header next;
	u32 i;

	builder_write(&f->builder[0]);
	/* What is reserved and not zero does not stay. */
	builder_fill(&f->builder[0], pos + 80, 4016, 0xEE);
	builder_seal_header(&f->builder[0], 1);
	read_headers(test, &headers);
	next = changed(&headers);
	next.log_length = 3 * VHDX_MIB;
	next.log_offset = 5 * VHDX_MIB;
	KUNIT_ASSERT_EQ(test,
			vhdx_headers_update(&ram->store, &headers, &next), 0);

	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos, 4), 0x64616568);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 8, 8), 10);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 16, 1), 0x21);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 32, 1), 0x22);
	ram_store_peek(ram, pos + 48, &found, 16);
	KUNIT_EXPECT_TRUE(test, guid_equal(&found, &guid));
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 64, 2), 0);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 66, 2), 1);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 68, 4), 0x300000);
	KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + 72, 8), 0x500000);
	for (i = 80; i < 4096; i++)
		KUNIT_EXPECT_EQ(test, ram_store_get(ram, pos + i, 1), 0);
}

/* Each copy is written once, whole, and flushed before the other is touched. */
static void write_both(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ram_store *ram = &f->ram[0];
	struct vhdx_headers headers, again;
	struct vhdx_header next;
	unsigned int slot;

	builder_write(&f->builder[0]);
	read_headers(test, &headers);
	next = changed(&headers);
	KUNIT_ASSERT_EQ(test,
			vhdx_headers_update(&ram->store, &headers, &next), 0);
	KUNIT_EXPECT_EQ(test, ram->calls[RAM_WRITE], 2);
	KUNIT_EXPECT_EQ(test, ram->calls[RAM_FLUSH], 2);
	KUNIT_EXPECT_EQ(test, ram->flushed_changes, 2);
	KUNIT_EXPECT_EQ(test, headers.copy[0].sequence, 9);
	KUNIT_EXPECT_EQ(test, headers.copy[1].sequence, 10);

	read_headers(test, &again);
	KUNIT_EXPECT_EQ(test, again.current_slot, headers.current_slot);
	for (slot = 0; slot < 2; slot++) {
		KUNIT_EXPECT_TRUE(test, again.valid[slot]);
		KUNIT_EXPECT_EQ(test, again.copy[slot].sequence,
				headers.copy[slot].sequence);
		again.copy[slot].sequence = next.sequence;
		KUNIT_EXPECT_EQ(test,
				memcmp(&again.copy[slot], &next, sizeof(next)),
				0);
	}
	fixture_expect(test, "");
}

/* The copy that is not current goes first, whichever that is. */
static void write_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ram_store *ram = &f->ram[0];
	struct vhdx_headers headers;
	struct vhdx_header next;
	unsigned int first;

	for (first = 0; first < 2; first++) {
		builder_write(&f->builder[0]);
		builder_write_header(&f->builder[0], !first, 100);
		read_headers(test, &headers);
		KUNIT_ASSERT_EQ(test, headers.current_slot, !first);
		next = changed(&headers);
		ram_store_stop_after(ram, 1);
		KUNIT_EXPECT_EQ(test,
				vhdx_headers_update(&ram->store, &headers,
						    &next),
				-EIO);
		ram_store_mend(ram);
		read_headers(test, &headers);
		KUNIT_EXPECT_TRUE(test, headers.valid[!first]);
		KUNIT_EXPECT_EQ(test, headers.copy[!first].sequence, 100);
		KUNIT_EXPECT_TRUE(test, headers.valid[first]);
	}
}

/* Two equal copies, as Disk2vhd leaves them; and one that is torn. */
static void write_heals(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ram_store *ram = &f->ram[0];
	struct vhdx_headers headers;
	struct vhdx_header next;
	unsigned int torn;

	for (torn = 0; torn < 3; torn++) {
		builder_write(&f->builder[0]);
		builder_write_header(&f->builder[0], 0, 40);
		builder_write_header(&f->builder[0], 1, 40);
		if (torn < 2)
			ram_store_put(ram, (torn + 1) * 0x10000 + 200, 1, 1);
		KUNIT_ASSERT_EQ(test,
				vhdx_headers_read(&ram->store, &headers,
						  &f->found.report),
				0);
		findings_init(&f->found);
		next = changed(&headers);
		KUNIT_EXPECT_EQ(test,
				vhdx_headers_update(&ram->store, &headers,
						    &next),
				0);
		read_headers(test, &headers);
		fixture_expect(test, "");
		KUNIT_EXPECT_EQ(test, headers.copy[0].sequence +
				headers.copy[1].sequence, 83);
	}
}

static void write_overflow(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ram_store *ram = &f->ram[0];
	struct vhdx_headers headers;
	struct vhdx_header next;

	builder_write(&f->builder[0]);
	builder_write_header(&f->builder[0], 1, U64_MAX - 1);
	read_headers(test, &headers);
	next = changed(&headers);
	KUNIT_EXPECT_EQ(test,
			vhdx_headers_update(&ram->store, &headers, &next),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, ram->changes, 0);

	builder_write_header(&f->builder[0], 1, U64_MAX - 2);
	read_headers(test, &headers);
	KUNIT_EXPECT_EQ(test,
			vhdx_headers_update(&ram->store, &headers, &next), 0);
	read_headers(test, &headers);
	KUNIT_EXPECT_TRUE(test,
			  vhdx_header_current(&headers)->sequence == U64_MAX);
}

/**
 * struct write_fault - a call that fails, and which copy is good after it
 * @name: for the test's log
 * @op: which operation
 * @nth: which call of it
 * @sequence: number of the copy that counts, as the engine then knows
 */
struct write_fault {
	const char *name;
	enum ram_op op;
	u64 nth;
	u64 sequence;
};

static const struct write_fault write_faults[] = {
	{ "first write", RAM_WRITE, 1, 8 },
	{ "first flush", RAM_FLUSH, 1, 8 },
	{ "second write", RAM_WRITE, 2, 9 },
	{ "second flush", RAM_FLUSH, 2, 9 },
};

static void write_fault_name(const struct write_fault *fault, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", fault->name);
}

KUNIT_ARRAY_PARAM(write_fault, write_faults, write_fault_name);

/* The error comes back, and on a store opened anew the update succeeds. */
static void write_fails(struct kunit *test)
{
	const struct write_fault *fault = test->param_value;
	struct fixture *f = test->priv;
	struct ram_store *ram = &f->ram[0];
	struct vhdx_headers headers;
	struct vhdx_header next;

	builder_write(&f->builder[0]);
	read_headers(test, &headers);
	next = changed(&headers);
	ram_store_break_op(ram, fault->op, fault->nth, -ENXIO);
	KUNIT_EXPECT_EQ(test,
			vhdx_headers_update(&ram->store, &headers, &next),
			-ENXIO);
	KUNIT_EXPECT_EQ(test, vhdx_header_current(&headers)->sequence,
			fault->sequence);
	KUNIT_EXPECT_FALSE(test, headers.valid[!headers.current_slot]);

	ram_store_mend(ram);
	KUNIT_EXPECT_EQ(test,
			vhdx_headers_update(&ram->store, &headers, &next), 0);
	read_headers(test, &headers);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, vhdx_header_current(&headers)->sequence,
			fault->sequence + 2);
	KUNIT_EXPECT_TRUE(test,
			  guid_equal(&headers.copy[0].log_guid,
				     &headers.copy[1].log_guid));
}

static struct kunit_case header_write_cases[] = {
	KUNIT_CASE(write_bytes),
	KUNIT_CASE(write_both),
	KUNIT_CASE(write_order),
	KUNIT_CASE(write_heals),
	KUNIT_CASE(write_overflow),
	KUNIT_CASE_PARAM(write_fails, write_fault_gen_params),
	{}
};

struct kunit_suite vhdx_header_write_suite = {
	.name = "vhdx_header_write",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = header_write_cases,
};
