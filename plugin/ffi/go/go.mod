module epptap

go 1.19
