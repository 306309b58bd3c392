/* Files in pages of a guest's memory. In a file of its own, so that only programs that map files have it. */
#include "control.h"
#include "descriptor.h"
#include "host_error.h"
#include "instance.h"
#include <errno.h>

/* The module's view of WASI, or NULL. */
static const struct wasi_snapshot_preview1 *view_of(const struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->import_module_count; i++) {
		void *view;
		memcpy(&view, instance->pinned - module->import_modules[i].slot, sizeof view);
		if (module->import_modules[i].bind == pal_wasi_bind)
			return view;
	}
	return NULL;
}

/* What a mapping does with the file is reading at offsets, and for shared pages writing. */
static uint64_t rights_for(uint32_t access, uint32_t flags)
{
	uint64_t read = WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK;
	return flags == PAL_MAP_SHARED && access == PAL_READ_WRITE ? read | WASI_RIGHT_FD_WRITE : read;
}

/* Shared pages could be made writable later, through a host descriptor that may be open for writing although the guest
 * lost the right. Private ones look the same to those who only read. */
static uint32_t allowed_flags(struct pal_wasi_file *file, uint32_t flags)
{
	bool may_write = !file->read_only && pal_wasi_check(file, WASI_RIGHT_FD_WRITE) == WASI_OK;
	return flags == PAL_MAP_SHARED && !may_write ? PAL_MAP_PRIVATE : flags;
}

uint32_t pal_rt_memory_map_file(void *pinned, uint32_t index, uint64_t addr, uint64_t size, uint32_t descriptor,
                                uint64_t offset, uint32_t access, uint32_t flags)
{
	const struct pal_instance *instance = pal_instance_of(pinned);
	const struct wasi_snapshot_preview1 *view = view_of(instance);
	struct pal_wasi_file *file;
	int32_t error = view ? pal_wasi_use(view->wasi, (int32_t)descriptor, rights_for(access, flags), &file) : WASI_BADF;
	if (error)
		return (uint32_t)error;
	if (file->type != WASI_TYPE_REGULAR_FILE) { /* devices would be more than the bytes of a file */
		pal_wasi_unpin(file);
		return WASI_NODEV;
	}
	struct pal_memory *memory = instance->memories[index].owner;
	pal_map_flags allowed = (pal_map_flags)allowed_flags(file, flags);
	pal_status status = pal_memory_map_file(memory, addr, size, file->host, offset, (pal_prot)access, allowed);
	int reason = errno;
	pal_wasi_unpin(file);
	if (status == PAL_E_OS)
		return (uint32_t)pal_wasi_errno(reason);
	return pal_control_answer(status, index, addr);
}
