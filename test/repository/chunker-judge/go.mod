module holdfast/test/chunker-judge

go 1.19

require github.com/restic/chunker v0.4.0
