// SPDX-License-Identifier: GPL-2.0-only
/*
 * All suites, in one list: kernels differ in what they make of several.
 */
#include <kunit/test.h>

#include "suites.h"

kunit_test_suites(&vhdx_report_suite,
		  &vhdx_header_suite,
		  &vhdx_header_write_suite,
		  &vhdx_region_suite,
		  &vhdx_log_entry_suite,
		  &vhdx_log_suite,
		  &vhdx_log_write_suite,
		  &vhdx_replay_suite,
		  &vhdx_metadata_suite,
		  &vhdx_locator_suite,
		  &vhdx_locator_write_suite,
		  &vhdx_pages_suite,
		  &vhdx_pages_pin_suite,
		  &vhdx_space_suite,
		  &vhdx_journal_suite,
		  &vhdx_journal_lap_suite,
		  &vhdx_bat_suite,
		  &vhdx_bitmap_suite,
		  &vhdx_image_suite,
		  &vhdx_recover_suite,
		  &vhdx_chain_suite,
		  &vhdx_chain_new_suite,
		  &vhdx_chain_read_suite,
		  &vhdx_check_suite,
		  &vhdx_gather_suite,
		  &vhdx_session_suite,
		  &vhdx_session_fault_suite,
		  &vhdx_session_state_suite,
		  &vhdx_session_map_suite,
		  &vhdx_session_child_suite,
		  &vhdx_session_child_room_suite,
		  &vhdx_session_reserve_suite,
		  &vhdx_session_survey_suite,
		  &vhdx_session_space_suite,
		  &vhdx_session_reuse_suite,
		  &vhdx_session_seal_suite,
		  &vhdx_create_suite,
		  &vhdx_fork_suite,
		  &vhdx_edit_suite,
		  &vhdx_merge_suite,
		  &vhdx_repair_suite,
		  &vhdx_resize_suite,
		  &vhdx_salvage_suite,
		  &vhdx_shorten_suite,
#ifdef __KERNEL__
		  &vhdx_map_suite,
		  &vhdx_map_write_suite,
		  &vhdx_commit_suite,
		  &vhdx_room_suite,
		  &vhdx_fresh_suite,
		  &vhdx_file_io_suite,
		  &vhdx_file_queue_suite,
		  &vhdx_file_workers_suite,
		  &vhdx_overlap_suite,
		  &vhdx_stream_suite,
		  &vhdx_bdev_suite,
		  &vhdx_zero_suite,
		  &vhdx_provision_suite,
		  &vhdx_wrote_suite,
		  &vhdx_load_suite,
		  &vhdx_printable_suite,
		  &vhdx_reason_suite
#else
		  &vhdx_memory_suite
#endif
);
