# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What in a kernel's log makes a run fail whatever its script says.  Sourced on
# the host and in guests.
#
#   klog_bad < LOG    prints the lines that no kernel in order writes

# No "Call Trace": injected faults print one too.
KLOG_BAD='BUG: |BUG at|BUG [a-z0-9_-]+ \(|WARNING: |KASAN|UBSAN: |Oops|Kernel panic'
KLOG_BAD+='|general protection fault|unable to handle|Bad page state'
KLOG_BAD+='|possible (circular|recursive|irq lock|deadlock)|inconsistent lock'
KLOG_BAD+='|suspicious RCU|Invalid wait context|lock held when returning'
KLOG_BAD+='|sleeping function called|scheduling while atomic'
KLOG_BAD+='|unreferenced object|corruption|refcount_t:|ODEBUG'
KLOG_BAD+='|INFO: (task|rcu|trying|possible)|(soft|hard) lockup|Objects remaining'
# What looks like one, but is the kernel telling of its configuration.
KLOG_GOOD='KernelAddressSanitizer initialized'

klog_bad() {
	grep -E -- "$KLOG_BAD" | grep -vE -- "$KLOG_GOOD" || true
}
