/** The version of the language that everything behind the loader knows. */
export const CURRENT_VERSION = 'holdfast/v1';
