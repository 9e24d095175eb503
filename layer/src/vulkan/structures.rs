//! The sizes of the structures that extend `VkDeviceCreateInfo`: those that `ash` defines, newer ones that
//! applications chain, and the loader's.

use ash::vk::{self, TaggedStructure};

use super::registry::FeaturesHead;

/// The size in bytes of the structures of this type; `None` if it is not known.
pub fn size_of_type(structure: vk::StructureType) -> Option<usize> {
    SIZES
        .iter()
        .chain(NEWER)
        .find(|(known, _)| *known == structure)
        .map(|(_, size)| *size)
}

/// Structures of the registry that `ash` lacks, without those of Vulkan SC: the number of features after the head.
const NEWER: &[(vk::StructureType, usize)] = &[
    // `VkLayerDeviceCreateInfo`: two integers and two pointers, alternating.
    (
        vk::StructureType::LOADER_DEVICE_CREATE_INFO,
        4 * size_of::<usize>(),
    ),
    // `VkPhysicalDeviceVulkan14Features`
    (vk::StructureType::from_raw(55), features(21)),
    // `VkPhysicalDeviceDescriptorHeapFeaturesEXT`
    (vk::StructureType::from_raw(1_000_135_009), features(2)),
    // `VkPhysicalDeviceShaderBfloat16FeaturesKHR`
    (vk::StructureType::from_raw(1_000_141_000), features(3)),
    // `VkPhysicalDeviceCooperativeMatrixConversionFeaturesQCOM`
    (vk::StructureType::from_raw(1_000_172_000), features(1)),
    // `VkPhysicalDevicePresentTimingFeaturesEXT`
    (vk::StructureType::from_raw(1_000_208_000), features(3)),
    // `VkPhysicalDeviceTextureCompressionASTC3DFeaturesEXT`
    (vk::StructureType::from_raw(1_000_288_000), features(1)),
    // `VkPhysicalDeviceTileShadingFeaturesQCOM`
    (vk::StructureType::from_raw(1_000_309_000), features(14)),
    // `VkPhysicalDevicePresentModeFifoLatestReadyFeaturesKHR`
    (vk::StructureType::from_raw(1_000_361_000), features(1)),
    // `VkPhysicalDeviceShaderUntypedPointersFeaturesKHR`
    (vk::StructureType::from_raw(1_000_387_000), features(1)),
    // `VkPhysicalDeviceVideoEncodeRgbConversionFeaturesVALVE`
    (vk::StructureType::from_raw(1_000_390_000), features(1)),
    // `VkPhysicalDeviceRayTracingLinearSweptSpheresFeaturesNV`
    (vk::StructureType::from_raw(1_000_429_008), features(2)),
    // `VkPhysicalDeviceTensorFeaturesARM`
    (vk::StructureType::from_raw(1_000_460_009), features(6)),
    // `VkPhysicalDeviceDescriptorBufferTensorFeaturesARM`
    (vk::StructureType::from_raw(1_000_460_018), features(1)),
    // `VkPhysicalDeviceAntiLagFeaturesAMD`
    (vk::StructureType::from_raw(1_000_476_000), features(1)),
    // `VkPhysicalDeviceDenseGeometryFormatFeaturesAMDX`
    (vk::StructureType::from_raw(1_000_478_000), features(1)),
    // `VkPhysicalDevicePresentId2FeaturesKHR`
    (vk::StructureType::from_raw(1_000_479_002), features(1)),
    // `VkPhysicalDevicePresentWait2FeaturesKHR`
    (vk::StructureType::from_raw(1_000_480_001), features(1)),
    // `VkPhysicalDevicePipelineBinaryFeaturesKHR`
    (vk::StructureType::from_raw(1_000_483_000), features(1)),
    // `VkDevicePipelineBinaryInternalCacheControlKHR`
    (vk::StructureType::from_raw(1_000_483_008), features(1)),
    // `VkPhysicalDeviceCooperativeVectorFeaturesNV`
    (vk::StructureType::from_raw(1_000_491_000), features(2)),
    // `VkPhysicalDeviceLegacyVertexAttributesFeaturesEXT`
    (vk::StructureType::from_raw(1_000_495_000), features(1)),
    // `VkPhysicalDeviceInternallySynchronizedQueuesFeaturesKHR`
    (vk::StructureType::from_raw(1_000_504_000), features(1)),
    // `VkPhysicalDeviceDataGraphFeaturesARM`
    (vk::StructureType::from_raw(1_000_507_006), features(5)),
    // `VkPhysicalDeviceVideoEncodeAV1FeaturesKHR`
    (vk::StructureType::from_raw(1_000_513_004), features(1)),
    // `VkPhysicalDeviceVideoDecodeVP9FeaturesKHR`
    (vk::StructureType::from_raw(1_000_514_000), features(1)),
    // `VkPhysicalDeviceUnifiedImageLayoutsFeaturesKHR`
    (vk::StructureType::from_raw(1_000_527_000), features(2)),
    // `VkPhysicalDeviceTileMemoryHeapFeaturesQCOM`
    (vk::StructureType::from_raw(1_000_547_000), features(1)),
    // `VkPhysicalDeviceCopyMemoryIndirectFeaturesKHR`
    (vk::StructureType::from_raw(1_000_549_000), features(2)),
    // `VkPhysicalDeviceVideoEncodeIntraRefreshFeaturesKHR`
    (vk::StructureType::from_raw(1_000_552_004), features(1)),
    // `VkPhysicalDeviceVideoEncodeQuantizationMapFeaturesKHR`
    (vk::StructureType::from_raw(1_000_553_009), features(1)),
    // `VkPhysicalDeviceShaderRelaxedExtendedInstructionFeaturesKHR`
    (vk::StructureType::from_raw(1_000_558_000), features(1)),
    // `VkPhysicalDeviceCommandBufferInheritanceFeaturesNV`
    (vk::StructureType::from_raw(1_000_559_000), features(1)),
    // `VkPhysicalDeviceMaintenance7FeaturesKHR`
    (vk::StructureType::from_raw(1_000_562_000), features(1)),
    // `VkPhysicalDeviceShaderReplicatedCompositesFeaturesEXT`
    (vk::StructureType::from_raw(1_000_564_000), features(1)),
    // `VkPhysicalDeviceShaderFloat8FeaturesEXT`
    (vk::StructureType::from_raw(1_000_567_000), features(2)),
    // `VkPhysicalDeviceClusterAccelerationStructureFeaturesNV`
    (vk::StructureType::from_raw(1_000_569_000), features(1)),
    // `VkPhysicalDevicePartitionedAccelerationStructureFeaturesNV`
    (vk::StructureType::from_raw(1_000_570_000), features(1)),
    // `VkPhysicalDeviceDeviceGeneratedCommandsFeaturesEXT`
    (vk::StructureType::from_raw(1_000_572_000), features(2)),
    // `VkPhysicalDeviceMaintenance8FeaturesKHR`
    (vk::StructureType::from_raw(1_000_574_000), features(1)),
    // `VkPhysicalDeviceImageAlignmentControlFeaturesMESA`
    (vk::StructureType::from_raw(1_000_575_000), features(1)),
    // `VkPhysicalDeviceShaderFmaFeaturesKHR`
    (vk::StructureType::from_raw(1_000_579_000), features(3)),
    // `VkPhysicalDevicePushConstantBankFeaturesNV`
    (vk::StructureType::from_raw(1_000_580_001), features(1)),
    // `VkPhysicalDeviceRayTracingInvocationReorderFeaturesEXT`
    (vk::StructureType::from_raw(1_000_581_000), features(1)),
    // `VkPhysicalDeviceDepthClampControlFeaturesEXT`
    (vk::StructureType::from_raw(1_000_582_000), features(1)),
    // `VkPhysicalDeviceMaintenance9FeaturesKHR`
    (vk::StructureType::from_raw(1_000_584_000), features(1)),
    // `VkPhysicalDeviceVideoMaintenance2FeaturesKHR`
    (vk::StructureType::from_raw(1_000_586_000), features(1)),
    // `VkPhysicalDeviceHdrVividFeaturesHUAWEI`
    (vk::StructureType::from_raw(1_000_590_000), features(1)),
    // `VkPhysicalDeviceCooperativeMatrix2FeaturesNV`
    (vk::StructureType::from_raw(1_000_593_000), features(7)),
    // `VkPhysicalDevicePipelineOpacityMicromapFeaturesARM`
    (vk::StructureType::from_raw(1_000_596_000), features(1)),
    // `VkPhysicalDevicePerformanceCountersByRegionFeaturesARM`
    (vk::StructureType::from_raw(1_000_605_000), features(1)),
    // `VkPhysicalDeviceVertexAttributeRobustnessFeaturesEXT`
    (vk::StructureType::from_raw(1_000_608_000), features(1)),
    // `VkPhysicalDeviceFormatPackFeaturesARM`
    (vk::StructureType::from_raw(1_000_609_000), features(1)),
    // `VkPhysicalDeviceFragmentDensityMapLayeredFeaturesVALVE`
    (vk::StructureType::from_raw(1_000_611_000), features(1)),
    // `VkPhysicalDevicePresentMeteringFeaturesNV`
    (vk::StructureType::from_raw(1_000_613_001), features(1)),
    // `VkPhysicalDeviceZeroInitializeDeviceMemoryFeaturesEXT`
    (vk::StructureType::from_raw(1_000_620_000), features(1)),
    // `VkPhysicalDeviceShader64BitIndexingFeaturesEXT`
    (vk::StructureType::from_raw(1_000_627_000), features(1)),
    // `VkPhysicalDeviceCustomResolveFeaturesEXT`
    (vk::StructureType::from_raw(1_000_628_000), features(1)),
    // `VkPhysicalDeviceDataGraphModelFeaturesQCOM`
    (vk::StructureType::from_raw(1_000_629_000), features(1)),
    // `VkPhysicalDeviceMaintenance10FeaturesKHR`
    (vk::StructureType::from_raw(1_000_630_000), features(1)),
    // `VkPhysicalDeviceShaderLongVectorFeaturesEXT`
    (vk::StructureType::from_raw(1_000_635_000), features(1)),
    // `VkPhysicalDevicePipelineCacheIncrementalModeFeaturesSEC`
    (vk::StructureType::from_raw(1_000_637_000), features(1)),
    // `VkPhysicalDeviceShaderUniformBufferUnsizedArrayFeaturesEXT`
    (vk::StructureType::from_raw(1_000_642_000), features(1)),
    // `VkPhysicalDeviceComputeOccupancyPriorityFeaturesNV`
    (vk::StructureType::from_raw(1_000_645_001), features(1)),
    // `VkPhysicalDeviceShaderSubgroupPartitionedFeaturesEXT`
    (vk::StructureType::from_raw(1_000_662_000), features(1)),
    // `VkExternalComputeQueueDeviceCreateInfoNV`: an integer.
    (vk::StructureType::from_raw(1_000_556_000), features(1)),
];

/// The size of a structure of so many features: a head, and a `VkBool32` each.
pub const fn features(count: usize) -> usize {
    (size_of::<FeaturesHead>() + size_of::<vk::Bool32>() * count)
        .next_multiple_of(align_of::<FeaturesHead>())
}

macro_rules! sizes {
    ($($name:ident,)*) => {
        &[$((
            <vk::$name<'_> as TaggedStructure>::STRUCTURE_TYPE,
            size_of::<vk::$name<'_>>(),
        ),)*]
    };
}

const SIZES: &[(vk::StructureType, usize)] = sizes![
    DeviceDeviceMemoryReportCreateInfoEXT,
    DeviceDiagnosticsConfigCreateInfoNV,
    DeviceGroupDeviceCreateInfo,
    DeviceMemoryOverallocationCreateInfoAMD,
    DevicePrivateDataCreateInfo,
    DeviceQueueShaderCoreControlCreateInfoARM,
    PhysicalDevice16BitStorageFeatures,
    PhysicalDevice4444FormatsFeaturesEXT,
    PhysicalDevice8BitStorageFeatures,
    PhysicalDeviceASTCDecodeFeaturesEXT,
    PhysicalDeviceAccelerationStructureFeaturesKHR,
    PhysicalDeviceAddressBindingReportFeaturesEXT,
    PhysicalDeviceAmigoProfilingFeaturesSEC,
    PhysicalDeviceAttachmentFeedbackLoopDynamicStateFeaturesEXT,
    PhysicalDeviceAttachmentFeedbackLoopLayoutFeaturesEXT,
    PhysicalDeviceBlendOperationAdvancedFeaturesEXT,
    PhysicalDeviceBorderColorSwizzleFeaturesEXT,
    PhysicalDeviceBufferDeviceAddressFeatures,
    PhysicalDeviceBufferDeviceAddressFeaturesEXT,
    PhysicalDeviceClusterCullingShaderFeaturesHUAWEI,
    PhysicalDeviceClusterCullingShaderVrsFeaturesHUAWEI,
    PhysicalDeviceCoherentMemoryFeaturesAMD,
    PhysicalDeviceColorWriteEnableFeaturesEXT,
    PhysicalDeviceComputeShaderDerivativesFeaturesNV,
    PhysicalDeviceConditionalRenderingFeaturesEXT,
    PhysicalDeviceCooperativeMatrixFeaturesKHR,
    PhysicalDeviceCooperativeMatrixFeaturesNV,
    PhysicalDeviceCopyMemoryIndirectFeaturesNV,
    PhysicalDeviceCornerSampledImageFeaturesNV,
    PhysicalDeviceCoverageReductionModeFeaturesNV,
    PhysicalDeviceCubicClampFeaturesQCOM,
    PhysicalDeviceCubicWeightsFeaturesQCOM,
    PhysicalDeviceCudaKernelLaunchFeaturesNV,
    PhysicalDeviceCustomBorderColorFeaturesEXT,
    PhysicalDeviceDedicatedAllocationImageAliasingFeaturesNV,
    PhysicalDeviceDepthBiasControlFeaturesEXT,
    PhysicalDeviceDepthClampZeroOneFeaturesEXT,
    PhysicalDeviceDepthClipControlFeaturesEXT,
    PhysicalDeviceDepthClipEnableFeaturesEXT,
    PhysicalDeviceDescriptorBufferFeaturesEXT,
    PhysicalDeviceDescriptorIndexingFeatures,
    PhysicalDeviceDescriptorPoolOverallocationFeaturesNV,
    PhysicalDeviceDescriptorSetHostMappingFeaturesVALVE,
    PhysicalDeviceDeviceGeneratedCommandsComputeFeaturesNV,
    PhysicalDeviceDeviceGeneratedCommandsFeaturesNV,
    PhysicalDeviceDeviceMemoryReportFeaturesEXT,
    PhysicalDeviceDiagnosticsConfigFeaturesNV,
    PhysicalDeviceDisplacementMicromapFeaturesNV,
    PhysicalDeviceDynamicRenderingFeatures,
    PhysicalDeviceDynamicRenderingLocalReadFeaturesKHR,
    PhysicalDeviceDynamicRenderingUnusedAttachmentsFeaturesEXT,
    PhysicalDeviceExclusiveScissorFeaturesNV,
    PhysicalDeviceExtendedDynamicState2FeaturesEXT,
    PhysicalDeviceExtendedDynamicState3FeaturesEXT,
    PhysicalDeviceExtendedDynamicStateFeaturesEXT,
    PhysicalDeviceExtendedSparseAddressSpaceFeaturesNV,
    PhysicalDeviceExternalFormatResolveFeaturesANDROID,
    PhysicalDeviceExternalMemoryRDMAFeaturesNV,
    PhysicalDeviceExternalMemoryScreenBufferFeaturesQNX,
    PhysicalDeviceFaultFeaturesEXT,
    PhysicalDeviceFeatures2,
    PhysicalDeviceFragmentDensityMap2FeaturesEXT,
    PhysicalDeviceFragmentDensityMapFeaturesEXT,
    PhysicalDeviceFragmentDensityMapOffsetFeaturesQCOM,
    PhysicalDeviceFragmentShaderBarycentricFeaturesKHR,
    PhysicalDeviceFragmentShaderInterlockFeaturesEXT,
    PhysicalDeviceFragmentShadingRateEnumsFeaturesNV,
    PhysicalDeviceFragmentShadingRateFeaturesKHR,
    PhysicalDeviceFrameBoundaryFeaturesEXT,
    PhysicalDeviceGlobalPriorityQueryFeaturesKHR,
    PhysicalDeviceGraphicsPipelineLibraryFeaturesEXT,
    PhysicalDeviceHostImageCopyFeaturesEXT,
    PhysicalDeviceHostQueryResetFeatures,
    PhysicalDeviceImage2DViewOf3DFeaturesEXT,
    PhysicalDeviceImageCompressionControlFeaturesEXT,
    PhysicalDeviceImageCompressionControlSwapchainFeaturesEXT,
    PhysicalDeviceImageProcessing2FeaturesQCOM,
    PhysicalDeviceImageProcessingFeaturesQCOM,
    PhysicalDeviceImageRobustnessFeatures,
    PhysicalDeviceImageSlicedViewOf3DFeaturesEXT,
    PhysicalDeviceImageViewMinLodFeaturesEXT,
    PhysicalDeviceImagelessFramebufferFeatures,
    PhysicalDeviceIndexTypeUint8FeaturesKHR,
    PhysicalDeviceInheritedViewportScissorFeaturesNV,
    PhysicalDeviceInlineUniformBlockFeatures,
    PhysicalDeviceInvocationMaskFeaturesHUAWEI,
    PhysicalDeviceLegacyDitheringFeaturesEXT,
    PhysicalDeviceLineRasterizationFeaturesKHR,
    PhysicalDeviceLinearColorAttachmentFeaturesNV,
    PhysicalDeviceMaintenance4Features,
    PhysicalDeviceMaintenance5FeaturesKHR,
    PhysicalDeviceMaintenance6FeaturesKHR,
    PhysicalDeviceMapMemoryPlacedFeaturesEXT,
    PhysicalDeviceMemoryDecompressionFeaturesNV,
    PhysicalDeviceMemoryPriorityFeaturesEXT,
    PhysicalDeviceMeshShaderFeaturesEXT,
    PhysicalDeviceMeshShaderFeaturesNV,
    PhysicalDeviceMultiDrawFeaturesEXT,
    PhysicalDeviceMultisampledRenderToSingleSampledFeaturesEXT,
    PhysicalDeviceMultiviewFeatures,
    PhysicalDeviceMultiviewPerViewRenderAreasFeaturesQCOM,
    PhysicalDeviceMultiviewPerViewViewportsFeaturesQCOM,
    PhysicalDeviceMutableDescriptorTypeFeaturesEXT,
    PhysicalDeviceNestedCommandBufferFeaturesEXT,
    PhysicalDeviceNonSeamlessCubeMapFeaturesEXT,
    PhysicalDeviceOpacityMicromapFeaturesEXT,
    PhysicalDeviceOpticalFlowFeaturesNV,
    PhysicalDevicePageableDeviceLocalMemoryFeaturesEXT,
    PhysicalDevicePerStageDescriptorSetFeaturesNV,
    PhysicalDevicePerformanceQueryFeaturesKHR,
    PhysicalDevicePipelineCreationCacheControlFeatures,
    PhysicalDevicePipelineExecutablePropertiesFeaturesKHR,
    PhysicalDevicePipelineLibraryGroupHandlesFeaturesEXT,
    PhysicalDevicePipelinePropertiesFeaturesEXT,
    PhysicalDevicePipelineProtectedAccessFeaturesEXT,
    PhysicalDevicePipelineRobustnessFeaturesEXT,
    PhysicalDevicePortabilitySubsetFeaturesKHR,
    PhysicalDevicePresentBarrierFeaturesNV,
    PhysicalDevicePresentIdFeaturesKHR,
    PhysicalDevicePresentWaitFeaturesKHR,
    PhysicalDevicePrimitiveTopologyListRestartFeaturesEXT,
    PhysicalDevicePrimitivesGeneratedQueryFeaturesEXT,
    PhysicalDevicePrivateDataFeatures,
    PhysicalDeviceProtectedMemoryFeatures,
    PhysicalDeviceProvokingVertexFeaturesEXT,
    PhysicalDeviceRGBA10X6FormatsFeaturesEXT,
    PhysicalDeviceRasterizationOrderAttachmentAccessFeaturesEXT,
    PhysicalDeviceRawAccessChainsFeaturesNV,
    PhysicalDeviceRayQueryFeaturesKHR,
    PhysicalDeviceRayTracingInvocationReorderFeaturesNV,
    PhysicalDeviceRayTracingMaintenance1FeaturesKHR,
    PhysicalDeviceRayTracingMotionBlurFeaturesNV,
    PhysicalDeviceRayTracingPipelineFeaturesKHR,
    PhysicalDeviceRayTracingPositionFetchFeaturesKHR,
    PhysicalDeviceRayTracingValidationFeaturesNV,
    PhysicalDeviceRelaxedLineRasterizationFeaturesIMG,
    PhysicalDeviceRenderPassStripedFeaturesARM,
    PhysicalDeviceRepresentativeFragmentTestFeaturesNV,
    PhysicalDeviceRobustness2FeaturesEXT,
    PhysicalDeviceSamplerYcbcrConversionFeatures,
    PhysicalDeviceScalarBlockLayoutFeatures,
    PhysicalDeviceSchedulingControlsFeaturesARM,
    PhysicalDeviceSeparateDepthStencilLayoutsFeatures,
    PhysicalDeviceShaderAtomicFloat16VectorFeaturesNV,
    PhysicalDeviceShaderAtomicFloat2FeaturesEXT,
    PhysicalDeviceShaderAtomicFloatFeaturesEXT,
    PhysicalDeviceShaderAtomicInt64Features,
    PhysicalDeviceShaderClockFeaturesKHR,
    PhysicalDeviceShaderCoreBuiltinsFeaturesARM,
    PhysicalDeviceShaderDemoteToHelperInvocationFeatures,
    PhysicalDeviceShaderDrawParametersFeatures,
    PhysicalDeviceShaderEarlyAndLateFragmentTestsFeaturesAMD,
    PhysicalDeviceShaderEnqueueFeaturesAMDX,
    PhysicalDeviceShaderExpectAssumeFeaturesKHR,
    PhysicalDeviceShaderFloat16Int8Features,
    PhysicalDeviceShaderFloatControls2FeaturesKHR,
    PhysicalDeviceShaderImageAtomicInt64FeaturesEXT,
    PhysicalDeviceShaderImageFootprintFeaturesNV,
    PhysicalDeviceShaderIntegerDotProductFeatures,
    PhysicalDeviceShaderIntegerFunctions2FeaturesINTEL,
    PhysicalDeviceShaderMaximalReconvergenceFeaturesKHR,
    PhysicalDeviceShaderModuleIdentifierFeaturesEXT,
    PhysicalDeviceShaderObjectFeaturesEXT,
    PhysicalDeviceShaderQuadControlFeaturesKHR,
    PhysicalDeviceShaderSMBuiltinsFeaturesNV,
    PhysicalDeviceShaderSubgroupExtendedTypesFeatures,
    PhysicalDeviceShaderSubgroupRotateFeaturesKHR,
    PhysicalDeviceShaderSubgroupUniformControlFlowFeaturesKHR,
    PhysicalDeviceShaderTerminateInvocationFeatures,
    PhysicalDeviceShaderTileImageFeaturesEXT,
    PhysicalDeviceShadingRateImageFeaturesNV,
    PhysicalDeviceSubgroupSizeControlFeatures,
    PhysicalDeviceSubpassMergeFeedbackFeaturesEXT,
    PhysicalDeviceSubpassShadingFeaturesHUAWEI,
    PhysicalDeviceSwapchainMaintenance1FeaturesEXT,
    PhysicalDeviceSynchronization2Features,
    PhysicalDeviceTexelBufferAlignmentFeaturesEXT,
    PhysicalDeviceTextureCompressionASTCHDRFeatures,
    PhysicalDeviceTilePropertiesFeaturesQCOM,
    PhysicalDeviceTimelineSemaphoreFeatures,
    PhysicalDeviceTransformFeedbackFeaturesEXT,
    PhysicalDeviceUniformBufferStandardLayoutFeatures,
    PhysicalDeviceVariablePointersFeatures,
    PhysicalDeviceVertexAttributeDivisorFeaturesKHR,
    PhysicalDeviceVertexInputDynamicStateFeaturesEXT,
    PhysicalDeviceVideoMaintenance1FeaturesKHR,
    PhysicalDeviceVulkan11Features,
    PhysicalDeviceVulkan12Features,
    PhysicalDeviceVulkan13Features,
    PhysicalDeviceVulkanMemoryModelFeatures,
    PhysicalDeviceWorkgroupMemoryExplicitLayoutFeaturesKHR,
    PhysicalDeviceYcbcr2Plane444FormatsFeaturesEXT,
    PhysicalDeviceYcbcrDegammaFeaturesQCOM,
    PhysicalDeviceYcbcrImageArraysFeaturesEXT,
    PhysicalDeviceZeroInitializeWorkgroupMemoryFeatures,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A driver gets what the layer withholds if a structure of unknown size comes before it.
    #[test]
    fn all_structures_of_features_that_ash_knows_have_a_size() {
        // Extensions number their values: `1_000_000_000 + 1_000 * (extension - 1) + value`.
        let of_extensions = (1_000_000_000..1_001_000_000).filter(|raw| raw % 1_000 < 50);
        let mut seen = 0;
        for structure in (0..100)
            .chain(of_extensions)
            .map(vk::StructureType::from_raw)
        {
            let name = format!("{structure:?}");
            if name.starts_with("PHYSICAL_DEVICE_") && name.contains("_FEATURES") {
                assert!(size_of_type(structure).is_some(), "{name}");
                seen += 1;
            }
        }
        assert!(seen > 180, "{seen}");
    }

    #[test]
    fn a_structure_has_one_size() {
        let all: Vec<_> = SIZES.iter().chain(NEWER).collect();
        for (at, (structure, size)) in all.iter().enumerate() {
            assert!(*size >= size_of::<FeaturesHead>(), "{structure:?}");
            let others = &all[at + 1..];
            assert!(
                others.iter().all(|(other, _)| other != structure),
                "{structure:?}"
            );
        }
    }
}
