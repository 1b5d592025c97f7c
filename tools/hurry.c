// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
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

static bool turn_on(int mark)
{
	if (!was_killed(mark) && !is_off())
		return false;
	if (pwrite(mark, "1", 1, 0) != 1)
		return false;
	if (turn('1'))
		return true;
	(void)!ftruncate(mark, 0);
	return false;
}

/**
 * hurry_begin() - have the kernel's grace periods expedited
 *
 * Does nothing if they are already, if another vhdxsetup sees to it, or if the switch
 * cannot be set: then the pause is longer.
 *
 * Return: what hurry_end() takes.
 */
int hurry_begin(void)
{
	int mark = open(MARK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (mark < 0)
		return -1;
	if (!flock(mark, LOCK_EX | LOCK_NB) && turn_on(mark))
		return mark;
	msg_debug("grace periods are not expedited by this process");
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
	if (turn('0'))
		(void)!ftruncate(hurry, 0);
	close(hurry);
}
