// Has the headers that tests share precompiled (tests/CMakeLists.txt).
