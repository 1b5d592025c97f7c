// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <libkmod.h>
#include <limits.h>
#include <sys/utsname.h>

#include "dmdev.h"
#include "exit-codes.h"
#include "kmsg.h"
#include "message.h"
#include "module.h"
#include "vhdxsetup.h"

#define MODULE_NAME	"dm-vhdx"
#define MODULES		"/lib/modules"

#define REMEDY_BUILD	"build and install it for this kernel: make deps && make && sudo make install"
#define REMEDY_SIGN	"sign it with a key of yours and enroll that (mokutil --import), or turn Secure Boot off"
#define REMEDY_ENROLL	"enroll the key that it is signed with (mokutil --import), or turn Secure Boot off"

/* Errnos of the kernel for a module, with remedies; NULL depends on the signature. */
static const struct {
	int err;
	const char *cause;
	const char *remedy;
} causes[] = {
	{ ENOEXEC, "is built for another kernel", REMEDY_BUILD },
	{ EINVAL, "is built for another kernel", REMEDY_BUILD },
	{ ENOENT, "needs what this kernel does not have", REMEDY_BUILD },
	{ EKEYREJECTED, "is refused for its signature", NULL },
	{ ENOKEY, "is refused for its signature", NULL },
	{ EBADMSG, "is refused for its signature", NULL },
};

/* Show libkmod's messages with -v only; errors have ours. */
__printf(6, 0)
static void kmod_says(void *data, int priority, const char *file, int line,
		      const char *function, const char *fmt, va_list args)
{
	char text[1024];

	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)function;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	msg_verbose("libkmod: %s", text);
}

/* Find the module in a directory of modules; NULL is the running kernel's. */
static struct kmod_module *find(struct kmod_ctx *kmod)
{
	struct kmod_module *module = NULL;
	struct kmod_list *list = NULL;

	kmod_set_log_fn(kmod, kmod_says, NULL);
	if (!kmod_module_new_from_lookup(kmod, MODULE_NAME, &list) && list)
		module = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	return module;
}

static bool is_there(const char *release)
{
	struct kmod_module *module = NULL;
	struct kmod_ctx *kmod;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MODULES "/%s", release);
	kmod = kmod_new(path, NULL);
	if (kmod)
		module = find(kmod);
	kmod_module_unref(module);
	kmod_unref(kmod);
	return module;
}

/* Return the kernels that have the module, with a comma before each. */
static char *others(void)
{
	DIR *dir = opendir(MODULES);
	struct dirent *entry;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	while (out && dir && (entry = readdir(dir)))
		if (*entry->d_name != '.' && is_there(entry->d_name))
			fprintf(out, ", %s", entry->d_name);
	if (dir)
		closedir(dir);
	if (out)
		fclose(out);
	return text;
}

static void say_missing(void)
{
	struct utsname system = { 0 };
	char *text = others();

	(void)uname(&system);
	msg_err("the kernel module " MODULE_NAME " is not built for this kernel, %s%s%s; "
		REMEDY_BUILD, system.release,
		text && *text ? ", but for others: " : "",
		text && *text ? text + 2 : "");
	free(text);
}

static bool file_has(const char *path, const char *word)
{
	FILE *in = fopen(path, "re");
	char line[128] = "";

	if (in) {
		if (!fgets(line, sizeof(line), in))
			line[0] = '\0';
		fclose(in);
	}
	return strstr(line, word);
}

static bool is_locked_down(void)
{
	static const char path[] = "/sys/kernel/security/lockdown";

	return file_has(path, "[integrity]") ||
	       file_has(path, "[confidentiality]");
}

static void say_not_permitted(void)
{
	if (file_has("/proc/sys/kernel/modules_disabled", "1"))
		msg_err("this kernel loads no modules until its next start, as kernel.modules_disabled of sysctl has it");
	else
		msg_err("the kernel module %s may not be loaded here: is this a container?",
			MODULE_NAME);
}

/* Test whether a module is signed, by whatever key. */
static bool is_signed(const struct kmod_module *module)
{
	struct kmod_list *list = NULL, *entry;
	bool found = false;

	if (kmod_module_get_info(module, &list) < 0)
		return false;
	kmod_list_foreach(entry, list)
		found |= !strcmp(kmod_module_info_get_key(entry), "sig_id");
	kmod_module_info_free_list(list);
	return found;
}

static void say_refused(const struct kmod_module *module, int err, int log)
{
	const char *for_signature = is_signed(module) ? REMEDY_ENROLL :
							REMEDY_SIGN;
	char said[512];
	const char *words = kmsg_module(log, said, sizeof(said));
	size_t i;

	/*
	 * A kernel that Secure Boot has locked down returns this for
	 * signatures, too.
	 */
	if (err == -EPERM && is_locked_down())
		err = -EKEYREJECTED;
	if (err == -EPERM) {
		say_not_permitted();
		return;
	}
	for (i = 0; i < ARRAY_SIZE(causes); i++) {
		if (causes[i].err != -err)
			continue;
		msg_err("the kernel module " MODULE_NAME " %s%s%s%s; %s",
			causes[i].cause, words ? " (" : "", words ? words : "",
			words ? ")" : "",
			causes[i].remedy ? causes[i].remedy : for_signature);
		return;
	}
	msg_err("the kernel module " MODULE_NAME " cannot be loaded: %s%s%s",
		strerror(-err), words ? ": " : "", words ? words : "");
}

static int load(struct kmod_ctx *kmod)
{
	struct kmod_module *module = find(kmod);
	int err, log;

	if (!module) {
		say_missing();
		return -ENOTARGET;
	}
	log = kmsg_begin();
	msg_verbose("loading %s", kmod_module_get_path(module));
	err = kmod_module_probe_insert_module(module, 0, NULL, NULL, NULL,
					      NULL);
	if (err)
		say_refused(module, err, log);
	kmsg_end(log);
	kmod_module_unref(module);
	return err ? -ENOTARGET : 0;
}

static int make_ready(u32 version[3])
{
	struct kmod_ctx *kmod;
	int err;

	if (!dmdev_target(TARGET_TYPE, version))
		return 0;
	kmod = kmod_new(NULL, NULL);
	err = kmod ? load(kmod) : -ENOMEM;
	kmod_unref(kmod);
	if (!err && dmdev_target(TARGET_TYPE, version)) {
		msg_err("the kernel module " MODULE_NAME " is loaded, but there is no target "
			TARGET_TYPE);
		err = -ENOTARGET;
	}
	return err;
}

/**
 * module_ready() - make sure that the kernel has a target of a known version
 *
 * Return: 0, -ENOTARGET after a message, or -ENOMEM.
 */
int module_ready(void)
{
	/*
	 * A variable: with a minor version of 0, the comparison would be
	 * constant.
	 */
	const u32 minor_needed = TARGET_MINOR;
	u32 version[3];
	int err = make_ready(version);

	if (err)
		return err;
	msg_verbose("target version %u.%u.%u", version[0], version[1],
		    version[2]);
	if (version[0] == TARGET_MAJOR && version[1] >= minor_needed)
		return 0;
	msg_err("the loaded module %s has target version %u.%u.%u, but this program needs %u.%u or a later %u.x",
		MODULE_NAME, version[0], version[1], version[2], TARGET_MAJOR,
		TARGET_MINOR, TARGET_MAJOR);
	return -ENOTARGET;
}
