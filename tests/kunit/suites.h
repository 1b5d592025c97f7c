/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The suites: one or more for each file of the engine; in the kernel alone, two
 * for the mapping of the target and one each for its provisioner, ends of writes
 * into a child, committer, want of room, fresh space, I/O to files, its workers,
 * overlaps, streams, block devices and zeroes; in userspace alone, where the
 * allocator can be told to
 * fail, one for want of memory.
 */
#ifndef VHDX_TEST_SUITES_H
#define VHDX_TEST_SUITES_H

struct kunit_suite;

extern struct kunit_suite vhdx_report_suite;
extern struct kunit_suite vhdx_header_suite;
extern struct kunit_suite vhdx_header_write_suite;
extern struct kunit_suite vhdx_region_suite;
extern struct kunit_suite vhdx_log_entry_suite;
extern struct kunit_suite vhdx_log_suite;
extern struct kunit_suite vhdx_log_write_suite;
extern struct kunit_suite vhdx_replay_suite;
extern struct kunit_suite vhdx_metadata_suite;
extern struct kunit_suite vhdx_locator_suite;
extern struct kunit_suite vhdx_locator_write_suite;
extern struct kunit_suite vhdx_pages_suite;
extern struct kunit_suite vhdx_pages_pin_suite;
extern struct kunit_suite vhdx_space_suite;
extern struct kunit_suite vhdx_journal_suite;
extern struct kunit_suite vhdx_journal_lap_suite;
extern struct kunit_suite vhdx_bat_suite;
extern struct kunit_suite vhdx_bitmap_suite;
extern struct kunit_suite vhdx_image_suite;
extern struct kunit_suite vhdx_recover_suite;
extern struct kunit_suite vhdx_chain_suite;
extern struct kunit_suite vhdx_chain_new_suite;
extern struct kunit_suite vhdx_chain_read_suite;
extern struct kunit_suite vhdx_check_suite;
extern struct kunit_suite vhdx_gather_suite;
extern struct kunit_suite vhdx_session_suite;
extern struct kunit_suite vhdx_session_fault_suite;
extern struct kunit_suite vhdx_session_state_suite;
extern struct kunit_suite vhdx_session_map_suite;
extern struct kunit_suite vhdx_session_child_suite;
extern struct kunit_suite vhdx_session_child_room_suite;
extern struct kunit_suite vhdx_session_reserve_suite;
extern struct kunit_suite vhdx_session_survey_suite;
extern struct kunit_suite vhdx_session_space_suite;
extern struct kunit_suite vhdx_session_reuse_suite;
extern struct kunit_suite vhdx_session_seal_suite;
extern struct kunit_suite vhdx_create_suite;
extern struct kunit_suite vhdx_fork_suite;
extern struct kunit_suite vhdx_edit_suite;
extern struct kunit_suite vhdx_merge_suite;
extern struct kunit_suite vhdx_repair_suite;
extern struct kunit_suite vhdx_resize_suite;
extern struct kunit_suite vhdx_salvage_suite;
extern struct kunit_suite vhdx_shorten_suite;
extern struct kunit_suite vhdx_compact_suite;
extern struct kunit_suite vhdx_move_suite;
extern struct kunit_suite vhdx_map_suite;
extern struct kunit_suite vhdx_map_write_suite;
extern struct kunit_suite vhdx_commit_suite;
extern struct kunit_suite vhdx_moving_suite;
extern struct kunit_suite vhdx_room_suite;
extern struct kunit_suite vhdx_fresh_suite;
extern struct kunit_suite vhdx_file_io_suite;
extern struct kunit_suite vhdx_file_pieces_suite;
extern struct kunit_suite vhdx_file_queue_suite;
extern struct kunit_suite vhdx_file_workers_suite;
extern struct kunit_suite vhdx_overlap_suite;
extern struct kunit_suite vhdx_stream_suite;
extern struct kunit_suite vhdx_bdev_suite;
extern struct kunit_suite vhdx_zero_suite;
extern struct kunit_suite vhdx_load_suite;
extern struct kunit_suite vhdx_printable_suite;
extern struct kunit_suite vhdx_reason_suite;
extern struct kunit_suite vhdx_provision_suite;
extern struct kunit_suite vhdx_wrote_suite;
extern struct kunit_suite vhdx_memory_suite;

#endif /* VHDX_TEST_SUITES_H */
