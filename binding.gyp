{
  # What ships: node-gyp on the user's machine and prebuildify on ours. CMakeLists.txt builds the same sources for
  # development; the list of sources is native/sources.json for both.
  'variables': {
    # build-native.mjs sets it in CI. A newer compiler's new warning must not break a user's install.
    'warnings_as_errors%': 0,
  },
  'targets': [
    {
      'target_name': 'connscale',
      'sources': [
        '<!@(node -p "require(\'./native/sources.json\').portable.join(\' \')")',
        '<!@(node -p "require(\'./native/sources.json\').binding.join(\' \')")',
      ],
      'include_dirs': [
        'native',
        '<!(node -p "require(\'node-addon-api\').include_dir")',
      ],
      'defines': [
        'NAPI_VERSION=9',
        'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        # An environment that is ending runs no more JavaScript; that is no reason to abort the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        # Assertions are for the CMake builds, where the tests of native/ and the sanitizers run.
        'NDEBUG',
      ],
      'conditions': [
        ['OS=="linux"', {
          'sources': [
            '<!@(node -p "require(\'./native/sources.json\').linux.join(\' \')")',
          ],
          'cflags!': ['-O3'],
          'cflags': ['-O2', '-Wall', '-Wextra', '-fvisibility=hidden'],
          # Node's own headers choose a language standard of their own; ours is fixed.
          'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
          'cflags_cc': ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-fvisibility-inlines-hidden'],
          'ldflags': ['-Wl,-z,now', '-Wl,-z,relro'],
          'conditions': [
            ['warnings_as_errors==1', { 'cflags': ['-Werror'] }],
          ],
        }],
      ],
    },
  ],
}
