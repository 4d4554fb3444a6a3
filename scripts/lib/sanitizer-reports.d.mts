export function readReports(folder: string, native: string): string[];
export function ownReports(text: string, native: string): string[];
