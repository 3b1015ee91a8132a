// A GPU in software for tests of WebGPU: SwiftShader, which Chromium brings, behind the system's Vulkan loader. Whoever
// imports this gets it for the process, where there is one; else tests skip.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { adviceForVulkan, hasVulkan } from './ensure-vulkan.ts';

const folders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome', '/opt/microsoft/msedge'];
const beside = process.env.CHROMIUM === undefined ? [] : [dirname(process.env.CHROMIUM)];
const driver = [...beside, ...folders].map((folder) => join(folder, 'vk_swiftshader_icd.json')).find(existsSync);

/** Whether WebGPU has an adapter here that tests may use. */
export const hasSoftwareGpu = process.platform === 'linux' && driver !== undefined && hasVulkan();

if (driver !== undefined && hasSoftwareGpu) {
  process.env.VK_ICD_FILENAMES = driver;
  process.env.VK_DRIVER_FILES = driver;
} else console.warn(`skipping tests on WebGPU: ${adviceForVulkan(driver !== undefined)}`);
