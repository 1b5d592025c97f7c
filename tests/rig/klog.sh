# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What in a kernel's log makes a run fail whatever its script says.  Sourced on
# the host and in guests.
#
#   klog_bad < LOG    prints the lines that no kernel in order writes
#   klog_races ours|others < LOG   prints the reports of races (KCSAN) that the
#                     module has a part in, or those that it has not

# No "Call Trace": injected faults print one too.
KLOG_BAD='BUG: |BUG at|BUG [a-z0-9_-]+ \(|WARNING: |KASAN|UBSAN: |Oops|Kernel panic'
KLOG_BAD+='|general protection fault|unable to handle|Bad page state'
KLOG_BAD+='|possible (circular|recursive|irq lock|deadlock)|inconsistent lock'
KLOG_BAD+='|suspicious RCU|Invalid wait context|lock held when returning'
KLOG_BAD+='|sleeping function called|scheduling while atomic'
KLOG_BAD+='|unreferenced object|corruption|refcount_t:|ODEBUG'
KLOG_BAD+='|INFO: (task|rcu|trying|possible)|(soft|hard) lockup|Objects remaining'
KLOG_BAD+='|neither WQ_PERCPU'
# What looks like one, but is the kernel telling of its configuration.
KLOG_GOOD='KernelAddressSanitizer initialized'
# By the strict rules the kernel has many races of its own.
KLOG_RACE='BUG: KCSAN: '

klog_bad() {
	local log

	log=$(cat)
	# What a firmware draws on the same line is text in no encoding of today.
	grep -avF -- "$KLOG_RACE" <<<"$log" | grep -aE -- "$KLOG_BAD" |
		grep -avE -- "$KLOG_GOOD" || true
	klog_races ours <<<"$log"
}

# A report has a heading, the calls of one access, and of the other one if it
# was seen, innermost first; it ends with a line of "=".  The module has a part
# in it if it made an access, or called what did: the kernel's helpers for lists,
# bitmaps and strings are functions.
klog_races() {
	awk -v wanted="$1" -v heading="$KLOG_RACE" '
	function tell() {
		if (report != "" && ours == (wanted == "ours"))
			printf "%s", report
		report = ""
	}
	index($0, heading) { tell(); inside = 1; ours = 0 }
	inside {
		report = report $0 "\n"
		depth = / of [0-9]+ bytes by .* on cpu [0-9]+:$/ ? 0 : depth + 1
		if (/\[dm_vhdx\]/ && (depth <= 2 || index($0, heading)))
			ours = 1
	}
	inside && /=====/ { tell(); inside = 0 }
	END { tell() }'
}
