// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "device-lock.h"
#include "hurry.h"
#include "message.h"

/* A switch of the whole system, which others may have set to 1. */
#define SWITCH	"/sys/kernel/rcu_expedited"

/*
 * Who has this file locked has set the switch. If it is not empty and not locked, a
 * process was killed before it set the switch back.
 */
#define MARK	DEVICE_LOCK_DIRECTORY "/expedited"

/* The signal mask before hurry_begin(): no signal comes between the two. */
static sigset_t mask;

static bool was_killed(int mark)
{
	char byte;

	return pread(mark, &byte, 1, 0) == 1;
}

static bool is_off(void)
{
	int fd = open(SWITCH, O_RDONLY | O_CLOEXEC);
	char byte = '1';

	if (fd < 0)
		return false;
	if (read(fd, &byte, 1) != 1)
		byte = '1';
	close(fd);
	return byte == '0';
}

static bool turn(char to)
{
	int fd = open(SWITCH, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, &to, 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

static void turn_off(int mark)
{
	if (turn('0'))
		(void)!ftruncate(mark, 0);
}

static bool turn_on(int mark)
{
	sigset_t all;

	if (!was_killed(mark) && !is_off())
		return false;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	if (pwrite(mark, "1", 1, 0) == 1 && turn('1'))
		return true;
	turn_off(mark);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return false;
}

static int lock_mark(int flags)
{
	int mark = open(MARK, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);

	if (mark < 0 || !flock(mark, LOCK_EX | LOCK_NB))
		return mark;
	close(mark);
	return -1;
}

/**
 * hurry_mend() - set back what a killed process has left
 */
void hurry_mend(void)
{
	int mark = lock_mark(0);

	if (mark < 0)
		return;
	if (was_killed(mark))
		turn_off(mark);
	close(mark);
}

/**
 * hurry_begin() - have the kernel's grace periods expedited
 *
 * Does nothing if they are already, if another vhdxsetup sees to it, or if the switch
 * cannot be set: then the pause is longer. All signals are held from here on.
 *
 * Return: what hurry_end() takes.
 */
int hurry_begin(void)
{
	int mark = lock_mark(O_CREAT);

	if (mark >= 0 && turn_on(mark))
		return mark;
	msg_debug("grace periods are not expedited by this process");
	if (mark >= 0)
		close(mark);
	return -1;
}

/**
 * hurry_end() - have them as they were
 * @hurry: from hurry_begin()
 */
void hurry_end(int hurry)
{
	if (hurry < 0)
		return;
	turn_off(hurry);
	close(hurry);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}
