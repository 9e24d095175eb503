//! Manners: how drivers that need their hardware treat shared memory, and what their kernel drivers do with the
//! fences on it.
//!
//! `WAYFENCE_TEST_MANNER` names this driver's manner. It then claims to be that driver
//! (`VkPhysicalDeviceDriverProperties`), and its submissions treat memory that was exported as a dma-buf as
//! that driver's submissions do; everything else is the real driver's. The sources are Mesa's of 2026 and Linux
//! 7.2.
//!
//! | name | a submission, for fences on it | the submission's own fence is added | a compositor on the same device |
//! | --- | --- | --- | --- |
//! | `anv-i915` | waits, of readers and writers, if the memory is dedicated and not a swapchain's; else not | as a writer's in the first case, as a reader's in the second | waits |
//! | `anv-xe` | does not wait | is not | waits; can scan out only swapchain memory |
//! | `nvidia` | does not wait | is not | does not wait |
//! | `panvk-panthor` | does not wait | is not | waits |
//! | `powervr` | does not wait | is not | waits |
//! | `amdvlk` | does not wait | as a writer's | does not wait |

use std::env;
use std::sync::OnceLock;

use ash::vk;
use wayfence::dma_buf::Access;

/// A driver's manner.
pub struct Manner {
    name: &'static str,
    /// The driver.
    pub id: vk::DriverId,
    rules: fn(&Asked) -> Rules,
}

/// How shared memory was allocated.
#[derive(Clone, Copy)]
pub struct Asked {
    /// It is for one image alone, to which is drawn.
    pub dedicated: bool,
    /// It is allocated as a swapchain's (`wsi_memory_allocate_info`).
    pub swapchains: bool,
}

/// What is done with such memory.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Whether submissions wait for the fences of others on it: of readers and writers.
    pub waits: bool,
    /// The kind of access for which each submission adds its fence.
    pub leaves: Option<Access>,
    /// Whether a compositor on the same device that leaves waiting to the kernel waits for writers.
    pub heeded: bool,
    /// Whether a display can show it.
    pub scanout: bool,
}

/// Fully explicit: no submission waits or adds a fence.
const EXPLICIT: Rules = Rules {
    waits: false,
    leaves: None,
    heeded: true,
    scanout: true,
};

static ALL: [Manner; 6] = [
    Manner {
        name: "anv-i915",
        id: vk::DriverId::INTEL_OPEN_SOURCE_MESA,
        rules: anv_i915,
    },
    Manner {
        name: "anv-xe",
        id: vk::DriverId::INTEL_OPEN_SOURCE_MESA,
        rules: anv_xe,
    },
    Manner {
        name: "nvidia",
        id: vk::DriverId::NVIDIA_PROPRIETARY,
        rules: nvidia,
    },
    Manner {
        name: "panvk-panthor",
        id: vk::DriverId::MESA_PANVK,
        rules: panvk_panthor,
    },
    Manner {
        name: "powervr",
        id: vk::DriverId::IMAGINATION_OPEN_SOURCE_MESA,
        rules: powervr,
    },
    Manner {
        name: "amdvlk",
        id: vk::DriverId::AMD_OPEN_SOURCE,
        rules: amdvlk,
    },
];

/// The manner of this process's driver, if it has another than the real driver's.
///
/// # Panics
/// If `WAYFENCE_TEST_MANNER` names none of them.
pub fn manner() -> Option<&'static Manner> {
    static MANNER: OnceLock<Option<&'static Manner>> = OnceLock::new();
    *MANNER.get_or_init(|| {
        let name = env::var("WAYFENCE_TEST_MANNER").ok()?;
        let found = ALL.iter().find(|manner| manner.name == name);
        Some(found.unwrap_or_else(|| panic!("WAYFENCE_TEST_MANNER={name}")))
    })
}

impl Manner {
    /// What is done with such memory.
    pub fn rules(&self, asked: &Asked) -> Rules {
        (self.rules)(asked)
    }
}

/// `anv_AllocateMemory` in `anv_device.c`: `if (!wsi_info && dedicated_info && …) alloc_flags |=
/// ANV_BO_ALLOC_IMPLICIT_SYNC`, and for a colour attachment `ANV_BO_ALLOC_IMPLICIT_WRITE`; else
/// `EXEC_OBJECT_ASYNC` (`i915_bo_alloc_flags_to_bo_flags` in `i915/anv_kmd_backend.c`). Each submission lists all
/// memory of the device (`i915/anv_batch_chain.c`).
///
/// In the kernel `eb_move_to_gpu` (`i915_gem_execbuffer.c`) waits for objects without `EXEC_OBJECT_ASYNC`, and
/// `_i915_vma_move_to_active` (`i915_vma.c`) adds the fence, as a reader's without `EXEC_OBJECT_WRITE`.
fn anv_i915(asked: &Asked) -> Rules {
    let implicit = asked.dedicated && !asked.swapchains;
    Rules {
        waits: implicit,
        leaves: Some(match implicit {
            true => Access::Write,
            false => Access::Read,
        }),
        ..EXPLICIT
    }
}

/// `xe_exec_ioctl` (`xe_exec.c`) adds its fence to all buffers as `DMA_RESV_USAGE_BOOKKEEP`, which user space does not
/// see, and waits for what the kernel itself does with them (`DMA_RESV_USAGE_KERNEL`).
/// `xe_display_bo_framebuffer_init` (`xe_display_bo.c`) refuses a buffer without `XE_BO_FLAG_FORCE_WC` that is
/// bound, and `DRM_XE_GEM_CREATE_FLAG_SCANOUT` sets that (`xe_bo.c`), which ANV asks for `if (wsi_info)`.
fn anv_xe(asked: &Asked) -> Rules {
    Rules {
        scanout: asked.swapchains,
        ..EXPLICIT
    }
}

/// NVIDIA's own drivers neither wait for fences on dma-bufs nor add any; its Vulkan and OpenGL have no sources.
/// The kernel's part, open-gpu-kernel-modules, has `nv_drm_gem_fence_attach_ioctl` and its like in
/// `nvidia-drm-fence.c`, with which X's driver puts fences on what another GPU shows, and no other place that
/// touches a `dma_resv` in a submission: those go by user space's own queues.
fn nvidia(_: &Asked) -> Rules {
    Rules {
        heeded: false,
        ..EXPLICIT
    }
}

/// `panthor_job_update_resvs` (`panthor_sched.c`): `DMA_RESV_USAGE_BOOKKEEP` for all buffers; and jobs wait for
/// the syncobjs that they name alone (`panthor_submit_ctx_add_sync_deps_to_job` in `panthor_drv.c`).
fn panvk_panthor(_: &Asked) -> Rules {
    EXPLICIT
}

/// `update_job_resvs` (`pvr_job.c`) knows the job's own firmware object alone.
fn powervr(_: &Asked) -> Rules {
    EXPLICIT
}

/// `amdgpuGpuMemory.cpp` in PAL asks for `AMDGPU_GEM_CREATE_EXPLICIT_SYNC` ("Use explicit sync for multi process
/// memory and assume external synchronization"), and its queues list all that is resident. By that flag
/// `amdgpu_sync_test_fence` (`amdgpu_sync.c`) waits for nobody, whoever asks; `amdgpu_cs_submit` (`amdgpu_cs.c`)
/// leaves its fence all the same.
fn amdvlk(_: &Asked) -> Rules {
    Rules {
        leaves: Some(Access::Write),
        heeded: false,
        ..EXPLICIT
    }
}
