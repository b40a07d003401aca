# How every room is compiled, and the three functions rooms are declared with.

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime
      CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE_PROGRAM})
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
                    -fstack-protector-strong)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # clang knows warnings that g++ does not; g++ builds are the ones that must be free of them.
  add_compile_options(-Wno-error)
endif()
if(VOUCH_SANITIZE)
  add_compile_options(-fsanitize=${VOUCH_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VOUCH_SANITIZE})
else()
  add_compile_options(-D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()

# Where a test finds the tree and the programs, for those that say so: as a definition it would be in
# every test's command line, and no compiler cache would serve two checkouts.
file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/generated/tests/paths.h" CONTENT
"#ifndef VOUCH_TESTS_PATHS_H_
#define VOUCH_TESTS_PATHS_H_
#define VOUCH_SOURCE_DIR \"${CMAKE_SOURCE_DIR}\"
#define VOUCH_BINARY_DIR \"${CMAKE_BINARY_DIR}\"
#endif
")

# What is not hot is compiled the faster way, with the sanitizers not optimised at all: it is most of the
# tree.
function(vouch_not_hot name)
  if(VOUCH_SANITIZE)
    target_compile_options(${name} PRIVATE -O0)
  else()
    target_compile_options(${name} PRIVATE -O1)
  endif()
endfunction()

# vouch_library(NAME [NOT_HOT] [FUZZED] SOURCES ... DEPS ...): one room; FUZZED, if the fuzzers look for new
# paths in it. Headers are found from the root of the tree.
function(vouch_library name)
  cmake_parse_arguments(arg "NOT_HOT;FUZZED" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  if(arg_NOT_HOT)
    vouch_not_hot(${name})
  endif()
  if(arg_FUZZED AND VOUCH_FUZZ)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PUBLIC ${arg_DEPS})
endfunction()

# vouch_program(NAME [NOT_HOT] SOURCES ... DEPS ...): a program in bin/.
function(vouch_program name)
  cmake_parse_arguments(arg "NOT_HOT" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  if(arg_NOT_HOT)
    vouch_not_hot(${name})
  endif()
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
endfunction()

# What every test is compiled with, and the headers that they share, which are parsed once.
function(vouch_test_options name)
  target_compile_options(${name} PRIVATE -pthread)  # gRPC's users get it; one precompiled header is for all
  vouch_not_hot(${name})
  if(NOT VOUCH_SANITIZE)
    target_compile_options(${name} PRIVATE -g0)
  endif()
endfunction()

# vouch_test(NAME SOURCES ... DEPS ... [LABELS ...]): a GoogleTest program; each TEST is a ctest.
function(vouch_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_include_directories(${name} PRIVATE "${CMAKE_BINARY_DIR}/generated")
  vouch_test_options(${name})
  target_precompile_headers(${name} REUSE_FROM vouch_tests_headers)
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
