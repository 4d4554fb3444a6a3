// The package as it is built here.
export async function importPackage() {
  try {
    return await import('../../dist/index.js');
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error('the package is not built: npm run build');
    return process.exit(1);
  }
}
