/** `npm run bench`: which benchmark runs; without a word the commands, which take a minute. */
const [benchmark = 'commands', ...args] = process.argv.slice(2);
switch (benchmark) {
  case 'commands':
    await import('./commands.ts');
    break;
  case 'engine': {
    const { runEngineBenchmark } = await import('./engine.ts');
    await runEngineBenchmark(args);
    break;
  }
  case 'index': {
    const { runIndexBenchmark } = await import('./index-benchmark.ts');
    await runIndexBenchmark(args);
    break;
  }
  case 'policies': {
    const { runPoliciesBenchmark } = await import('./policies.ts');
    await runPoliciesBenchmark(args);
    break;
  }
  case 'profile': {
    const { runProfile } = await import('./profile.ts');
    await runProfile(args);
    break;
  }
  case 'scaling': {
    const { runScaling } = await import('./scaling.ts');
    await runScaling(args);
    break;
  }
  case 'sync': {
    const { runSyncBenchmark } = await import('./sync.ts');
    await runSyncBenchmark(args);
    break;
  }
  case 'storage': {
    const { runStorageBenchmark } = await import('./storage.ts');
    await runStorageBenchmark(args);
    break;
  }
  default:
    process.stderr.write(
      `There is no benchmark "${benchmark}". npm run bench [commands], or npm run bench -- engine|scaling|sync|storage|index|policies|profile [--help].\n`,
    );
    process.exitCode = 2;
}
